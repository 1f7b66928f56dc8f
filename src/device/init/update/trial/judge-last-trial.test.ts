import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Slot } from '../../../../shared/board/slots.ts';
import { judgeLastTrial } from './judge-last-trial.ts';
import { makeEnding, type PendingTrial, unknownTrial } from './pending-trial.ts';

const PENDING: PendingTrial = {
  ...unknownTrial({ id: 'trial', slot: 'b', buildId: 'b2', nowMs: 1 }),
  startedBootId: 'boot',
  ending: makeEnding('app x failed', 2),
};

/** Of a trial of build b2 in slot b that was rolled back, and is still pending; slot b is what starts. */
function judge(start: { slot: Slot; buildId: string }): string {
  const judged = judgeLastTrial({ pending: PENDING, start, committed: 'b', evidence: null, nowMs: 3 });
  return judged === 'forgotten' ? judged : `${judged.outcome}: ${judged.reason}`;
}

test('judgeLastTrial: a slot that starts was confirmed with the build that is in it', () => {
  // Its power was cut between the boot loader's sector and its record.
  assert.equal(judge({ slot: 'b', buildId: 'b2' }), 'confirmed: null');
  // A later build was written over it, and /perm could not take a word of that.
  assert.equal(judge({ slot: 'b', buildId: 'b3' }), 'rolled back: app x failed');
  assert.equal(judge({ slot: 'a', buildId: 'b1' }), 'rolled back: app x failed');
});
