// What a virtual machine has in memory and in its devices, put aside in a file, and a machine that goes on from there: all
// but its disk and the firmware's variables, which are files already. By QEMU's migration, which versions 7 to 10 know
// alike; the machine that goes on needs the command line of the one that was put aside, but for its host ports.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readRunState } from '../../../src/host/vm/guest-runs.ts';
import type { Accelerator } from '../../../src/host/vm/qemu-command.ts';
import { QmpClient } from '../../../src/host/vm/qmp.ts';
import type { VirtualMachine } from '../../../src/host/vm/virtual-machine.ts';

export interface SavedMemory {
  path: string;
  /** Another one has other processors. */
  accelerator: Accelerator;
}

const ASK_EVERY_MS = 50;
/** As good as none: nobody waits for the machine meanwhile. */
const BYTES_PER_SEC = 2 ** 40;

/** The machine stands still from here on. */
export async function saveMemory(machine: VirtualMachine, path: string): Promise<SavedMemory> {
  await withClient(machine, async (client) => {
    await client.execute('stop');
    await client.execute('migrate-set-parameters', { 'max-bandwidth': BYTES_PER_SEC });
    await client.execute('migrate', { uri: `exec:cat > '${path}'` });
    for (;;) {
      const { status } = (await client.execute('query-migrate')) as { status?: string };
      if (status === 'completed') return;
      if (status === 'failed' || status === 'cancelled')
        throw new Error(`Cannot save the machine's memory in "${path}": QEMU says "${status}"`);
      await delay(ASK_EVERY_MS);
    }
  });
  return { path, accelerator: machine.accelerator };
}

/** For the command line of the machine that is to go on. */
export function resumeArguments({ path }: SavedMemory): string[] {
  return ['-incoming', `exec:cat '${path}'`];
}

/** Rejects when QEMU does not take the file. */
export async function resume(machine: VirtualMachine, { path }: SavedMemory): Promise<void> {
  try {
    await withClient(machine, async (client) => {
      while ((await readRunState(client)) === 'inmigrate') await delay(ASK_EVERY_MS);
      await client.execute('cont');
    });
  } catch (cause) {
    const said = await readFile(join(dirname(machine.consolePath), 'qemu.log'), 'utf8').catch(() => '');
    throw new Error(`Cannot go on from the memory in "${path}": QEMU says: ${said.trim() || 'nothing'}`, {
      cause,
    });
  }
}

async function withClient(
  { qmpSocketPath }: VirtualMachine,
  use: (client: QmpClient) => Promise<void>,
): Promise<void> {
  const client = await QmpClient.connect(qmpSocketPath);
  try {
    await use(client);
  } finally {
    client.close();
  }
}
