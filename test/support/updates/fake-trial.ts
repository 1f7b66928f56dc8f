// What a scripted device says of a trial, and of the update when the trial has ended.

import type { Slot } from '../../../src/shared/board/slots.ts';
import type { UpdateStatus } from '../../../src/shared/update/update-api.ts';
import type { Trial, UpdateRecord } from '../../../src/shared/update/update-state.ts';

/** Of what is in the slot that is not committed. */
export function fakeTrial(
  { committed, slots }: UpdateStatus,
  more: Pick<Trial, 'mode' | 'waitsFor'> & Partial<Trial>,
): Trial {
  const slot: Slot = committed === 'a' ? 'b' : 'a';
  return {
    id: 'trial-1',
    slot,
    buildId: slots[slot]?.buildId ?? '',
    fromBuildId: slots[committed ?? 'a']?.buildId ?? '',
    confirmBy: 'client',
    who: 'tsk on michael@laptop',
    startedAtMs: Date.now(),
    deadlineAtMs: Date.now() + 300_000,
    ...more,
  };
}

export function fakeRecord(
  trial: Trial,
  more: Pick<UpdateRecord, 'outcome' | 'bootId'> & Partial<UpdateRecord>,
): UpdateRecord {
  return {
    id: trial.id,
    startedAtMs: trial.startedAtMs,
    endedAtMs: Date.now(),
    fromBuildId: trial.fromBuildId,
    toBuildId: trial.buildId,
    toSlot: trial.slot,
    mode: trial.mode,
    who: trial.who,
    reason: null,
    lastLines: null,
    ...(trial.stillUnwell && { stillUnwell: trial.stillUnwell }),
    ...more,
  };
}
