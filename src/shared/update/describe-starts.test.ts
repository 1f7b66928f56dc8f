import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeStarts } from './describe-starts.ts';

test('describeStarts: the committed slot, and the way of trials by its name', () => {
  assert.equal(describeStarts({ committed: 'b', trialStart: 'tryboot' }), 'slot b; trials by tryboot');
  assert.equal(
    describeStarts({ committed: null, trialStart: null }),
    'slot unknown; no way to try another build',
  );
});
