import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBytes } from './random-bytes.ts';

test('randomBytes draws as many as wanted, and others each time', () => {
  assert.equal(randomBytes(256).length, 256);
  assert.equal(randomBytes(0).length, 0);
  assert.notDeepEqual(randomBytes(16), randomBytes(16));
  assert.throws(() => randomBytes(257), RangeError);
});
