// A sandbox consists of three processes: bwrap that watches from outside, bwrap as process 1 of the sandbox, and
// process 2, the app. The last two are in a session of their own (pid_namespaces(7), proc_pid_status(5)).

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sys } from '../../sys/sys.ts';
import { monotonicMs } from '../../monotonic.ts';

const FIRST_POLL_MS = 5;
const LONGEST_POLL_MS = 80;
/** A sandbox takes milliseconds. What hangs for so long is stopped as a whole. */
const LIMIT_MS = 60_000;
const INNER_INIT = 1;
const APP = 2;

export interface SandboxProcesses {
  /** Process group that the app starts in. */
  group: number;
  /** The app's process as init counts processes. */
  app: number;
}

/** Resolves when the app is there; undefined when its sandbox has ended before, or hangs. */
export async function findSandboxProcesses(
  sys: Sys,
  candidates: () => readonly number[],
  ended: AbortSignal,
): Promise<SandboxProcesses | undefined> {
  const deadline = monotonicMs() + LIMIT_MS;
  let pollMs = FIRST_POLL_MS;
  while (!ended.aborted && monotonicMs() < deadline) {
    const found = new Map(candidates().map((pid) => [pidInSandbox(sys, pid), pid]));
    const group = found.get(INNER_INIT);
    const app = found.get(APP);
    if (group !== undefined && app !== undefined) return { group, app };
    await sleep(pollMs);
    pollMs = Math.min(2 * pollMs, LONGEST_POLL_MS);
  }
  return undefined;
}

/** Undefined for a process outside, or one that is gone. */
function pidInSandbox(sys: Sys, pid: number): number | undefined {
  let status: string;
  try {
    status = readFileSync(sys.path(`/proc/${pid}/status`), 'latin1');
  } catch {
    return undefined;
  }
  const inner = /^NSpid:\t\d+\t(\d+)$/m.exec(status)?.[1];
  return inner === undefined ? undefined : Number(inner);
}
