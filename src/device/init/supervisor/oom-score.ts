// Who dies first when the device runs out of memory: apps, and the programs of ours last (proc_pid_oom_score_adj(5)).
// A process inherits the score, so init takes it on for the moment in which it forks; init itself is never chosen.

import { writeFileSync } from 'node:fs';
import type { ServiceKind } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';

const SCORE_OF_APPS = 500;
const SCORE_OF_SYSTEM = -800;

export function withOomScore<T>(sys: Sys, kind: ServiceKind, start: () => T): T {
  setOwnScore(sys, kind === 'system' ? SCORE_OF_SYSTEM : SCORE_OF_APPS);
  try {
    return start();
  } finally {
    setOwnScore(sys, 0);
  }
}

function setOwnScore(sys: Sys, score: number): void {
  try {
    writeFileSync(sys.path('/proc/self/oom_score_adj'), String(score));
  } catch {
    // Refused where init is not root, in a test; the order of dying is no reason not to start.
  }
}
