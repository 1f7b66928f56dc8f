// Whether an accelerator that QEMU takes can also run the guest. A KVM inside a virtual machine may come up and then
// fail at an instruction of the firmware: QEMU stops the guest for good, and goes on as if nothing had happened.

import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { QmpClient } from './qmp.ts';

/** Native firmware prints within a second; a failure comes within a tenth of one. */
const LOOK_FOR_MS = 2000;
const LOOK_EVERY_MS = 50;

interface Launched {
  qmpSocketPath: string;
  consolePath: string;
}

/** Looks until the guest prints something, is stopped by QEMU, or has run for a while. */
export async function guestRuns(vm: Launched, limitMs = LOOK_FOR_MS): Promise<boolean> {
  const client = await QmpClient.connect(vm.qmpSocketPath);
  try {
    const end = performance.now() + limitMs;
    while (performance.now() < end) {
      if ((await readRunState(client)) === 'internal-error') return false;
      if (hasPrinted(vm)) return true;
      await delay(LOOK_EVERY_MS);
    }
    return true;
  } finally {
    client.close();
  }
}

/** As QEMU names it: `running`, `internal-error`, `shutdown` ... */
export async function readRunState(client: QmpClient): Promise<string> {
  return ((await client.execute('query-status')) as { status: string }).status;
}

function hasPrinted({ consolePath }: Launched): boolean {
  return (statSync(consolePath, { throwIfNoEntry: false })?.size ?? 0) > 0;
}
