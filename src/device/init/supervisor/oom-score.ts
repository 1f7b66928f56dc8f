// Who dies first when the device runs out of memory: a break-glass session, then apps, and the programs of ours last (proc_pid_oom_score_adj(5)).
// A process inherits the score, so init takes it on for the moment in which it forks; init itself is never chosen.

import { readFileSync, writeFileSync } from 'node:fs';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';

const SCORE_OF_APPS = 500;
const SCORE_OF_SYSTEM = -800;
/** Goes before all others, however little its processes seem to hold. */
const SCORE_OF_FIRST = 1000;

export function withOomScore<T>(
  sys: Sys,
  { kind, diesFirst }: Pick<ServiceSpec, 'kind' | 'diesFirst'>,
  start: () => T,
): T {
  const usual = kind === 'system' ? SCORE_OF_SYSTEM : SCORE_OF_APPS;
  setOwnScore(sys, diesFirst === true ? SCORE_OF_FIRST : usual);
  try {
    return start();
  } finally {
    setOwnScore(sys, 0);
  }
}

/** Processes that the kernel has killed since it started, because there was no memory left (`oom_kill` of /proc/vmstat). */
export function deviceMemoryKills(sys: Sys): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(sys.path('/proc/vmstat'), 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Puts an app before all others, or back among them. */
export function putFirst(sys: Sys, pids: readonly number[], isFirst: boolean): void {
  for (const pid of pids) setScore(sys, String(pid), isFirst ? SCORE_OF_FIRST : SCORE_OF_APPS);
}

function setOwnScore(sys: Sys, score: number): void {
  setScore(sys, 'self', score);
}

function setScore(sys: Sys, pid: string, score: number): void {
  try {
    writeFileSync(sys.path(`/proc/${pid}/oom_score_adj`), String(score));
  } catch {
    // The process has ended; or init is not root, in a test. The order of dying is no reason not to start.
  }
}
