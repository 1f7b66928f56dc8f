// The watchdog that a board's firmware starts before the kernel. A virtual machine has one that runs only when init has opened
// it, so whoever starts the machine's kernel plays this one, too. A kernel that lives reads from its disk: no line on a console
// tells as much, because the instance may keep the kernel away from that.

import { setTimeout as delay } from 'node:timers/promises';
import { type ProcessTime, readProcessTime } from './process-time.ts';
import type { QmpClient } from './qmp.ts';

export interface KernelWatchdogOptions {
  /** Of QEMU. */
  pid: number;
  client: QmpClient;
  limitMs: number;
  lookEveryMs?: number;
}

const LOOK_EVERY_MS = 1000;
/** Four times what an emulated kernel uses until it looks at its disk. */
const SPIN_MS = 20_000;

/** Resolves when the kernel lives or the machine has ended, to false; to true after a reset. */
export async function watchKernel(options: KernelWatchdogOptions): Promise<boolean> {
  const { pid, client, limitMs, lookEveryMs = LOOK_EVERY_MS } = options;
  const startedMs = performance.now();
  try {
    const atStart = await readProcessTime(pid);
    while (!(await hasReadDisk(client))) {
      const now = await readProcessTime(pid);
      const time = { usedMs: now.usedMs - atStart.usedMs, waitedMs: now.waitedMs - atStart.waitedMs };
      if (isOver(performance.now() - startedMs, time, limitMs)) {
        await client.execute('system_reset');
        return true;
      }
      await delay(lookEveryMs, undefined, { ref: false });
    }
  } catch {
    // QEMU has gone, which its end tells better.
  }
  return false;
}

/**
 * On a busy computer an emulated kernel is slow and hangs by no means: what QEMU waited for a processor does not count, unless it
 * has had more of one by then than any kernel needs. Several of its threads may wait at once, so that the first alone would never do.
 */
export function isOver(elapsedMs: number, { usedMs, waitedMs }: ProcessTime, limitMs: number): boolean {
  return elapsedMs - waitedMs >= limitMs || (elapsedMs >= limitMs && usedMs >= SPIN_MS);
}

async function hasReadDisk(client: QmpClient): Promise<boolean> {
  const drives = (await client.execute('query-blockstats')) as {
    device: string;
    stats: { rd_operations: number };
  }[];
  return drives.some(({ device, stats }) => device === 'disk' && stats.rd_operations > 0);
}
