// What an update is going to do, and what came of it. `tsk update --json` prints the result as it is. Types; no I/O.

import type { Slot } from '../../../shared/board/slots.ts';
import type { SwitchMode, UpdateOutcome, UpdateRecord } from '../../../shared/update/update-state.ts';
import type { Changes } from './describe-changes.ts';
import type { ExpectedRestart } from './restart-time.ts';

/** What is going to happen. */
export interface UpdatePlan {
  buildId: string;
  fromBuildId: string;
  slot: Slot;
  /** The device restarts with what it runs before anything is sent: its last update went live. */
  restartsFirst: ExpectedRestart | null;
  /** null, here and below: that is seen after the restart that comes first. */
  mode: SwitchMode | null;
  rebootBecause: readonly string[];
  /** What else the device says of it, a sentence each. */
  notes: readonly string[];
  /** null: it is not known what is in the slot that runs. */
  changes: Changes | null;
  missingChunks: number | null;
  missingBytes: number | null;
}

export interface UpdateResult {
  buildId: string;
  fromBuildId: string;
  outcome: UpdateOutcome | 'unchanged' | 'dry run' | 'on trial';
  /** null: nothing was switched. */
  mode: SwitchMode | null;
  /** Of an outcome that is not well. */
  reason: string | null;
  /** In bodies of requests, as they went over the wire. */
  bytesSent: number;
  /** By the device, to its disk. */
  bytesWritten: number;
  /** Seen from here (outage-watch.ts); null: nobody has looked. */
  secondsWithoutService: number | null;
  plan: UpdatePlan | null;
  record: UpdateRecord | null;
}
