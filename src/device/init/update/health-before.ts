// How things were before a trial: what was missing then may be missing now. Types; no I/O.

import type { NetworkQuality } from './network-quality.ts';

export interface UnwellService {
  name: string;
  /** As in a sentence about it: `exited with code 1`. */
  why: string;
  /** The new build has it as it was, so that it does not decide about the trial. */
  isExcused: boolean;
}

export interface HealthBefore {
  network: NetworkQuality;
  /** Services that waited for something. */
  waiting: readonly string[];
  unwell: readonly UnwellService[];
}
