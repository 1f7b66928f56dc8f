// Waits for processes to be gone. Of the end of a group of them nobody is told.

import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../monotonic.ts';

const POLL_MS = 20;
/** A killed process is gone at once, unless it hangs in the kernel; nobody can end it then. */
export const KILL_LIMIT_MS = 5000;

/** Whether they were gone in time. */
export async function endsWithin(limitMs: number, areGone: () => boolean): Promise<boolean> {
  const deadline = monotonicMs() + limitMs;
  while (!areGone()) {
    if (monotonicMs() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}
