// What became of a trial that was pending when the device came up, and this is not that trial: by what was written
// down before the device went back, else by what the logs of that start and the boot loader still know.

import type { Slot } from '../../../../shared/board/slots.ts';
import type { StartTrace } from '../../../boot-loader/boot-switch.ts';
import { type LastLines, makeEnding, type PendingTrial, type TrialOutcome } from './pending-trial.ts';

export interface TrialEvidence {
  /** What the boot loader still knows of the start that it was asked for; null: nothing. */
  trace: StartTrace;
  /** The start on trial, where logs of it were kept; `end`: an orderly one. */
  boot: { id: string; end: { how: string; atMs: number } | null; lastLines: LastLines } | null;
}

export interface LastTrial {
  pending: PendingTrial;
  /** This start. */
  start: { slot: Slot | null; buildId: string };
  /** What the boot loader starts. */
  committed: Slot | null;
  evidence: TrialEvidence | null;
  nowMs: number;
}

const NOT_GOING_ON = 'it did not go on: panic, hang or power cut';

/** `forgotten`: the firmware has not even tried. */
export function judgeLastTrial({
  pending,
  start,
  committed,
  evidence,
  nowMs,
}: LastTrial): TrialOutcome | 'forgotten' {
  const bootId = pending.startedBootId;
  // The power was cut between the boot loader's sector and our own note of it.
  if (pending.slot === committed && isStillThere(pending, start))
    return { outcome: 'confirmed', bootId, ...makeEnding(null, nowMs) };
  if (pending.ending !== null) return { outcome: 'rolled back', bootId, ...pending.ending };
  const boot = evidence?.boot ?? null;
  if (boot !== null) {
    const reason = boot.end === null ? NOT_GOING_ON : `it went down: ${boot.end.how}`;
    const ending = makeEnding(reason, boot.end?.atMs ?? nowMs, boot.lastLines);
    return { outcome: 'rolled back', bootId: boot.id, ...ending };
  }
  if (bootId !== null) return { outcome: 'rolled back', bootId, ...makeEnding(NOT_GOING_ON, nowMs) };
  const trace = evidence?.trace ?? null;
  if (trace === 'lost' && !pending.isSecondTry) return 'forgotten';
  return { outcome: 'did not start', bootId: null, ...makeEnding(whyNotStarted(trace), nowMs) };
}

function whyNotStarted(trace: StartTrace): string {
  if (trace === 'kept') return 'the new build did not come up: panic, hang or power cut';
  if (typeof trace === 'object' && trace !== null) return trace.unheard;
  return 'the start on trial did not happen: another restart or a power cut came before it';
}

/** And not overwritten by a later build of which nothing could be noted. */
function isStillThere({ slot, buildId, ending }: PendingTrial, start: LastTrial['start']): boolean {
  return slot === start.slot ? buildId === start.buildId : ending === null;
}
