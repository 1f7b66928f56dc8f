import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeFatTime, encodeFatTime } from './timestamps.ts';

test('decodeFatTime reads what encodeFatTime writes, but for the odd second', () => {
  const first = Date.UTC(1980, 0, 1) / 1000;
  const last = Date.UTC(2107, 11, 31, 23, 59, 59) / 1000;
  fc.assert(
    fc.property(fc.integer({ min: first, max: last }), (timestampSec) => {
      const { date, time, hundredths } = encodeFatTime(timestampSec);
      assert.equal(decodeFatTime(date, time) + hundredths / 100, timestampSec);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('encodeFatTime gives the nearest time there is', () => {
  assert.equal(decodeFatTime(encodeFatTime(0).date, encodeFatTime(0).time), Date.UTC(1980, 0, 1) / 1000);
  assert.equal(encodeFatTime(1e12).date, (127 << 9) | (12 << 5) | 31);
  assert.equal(encodeFatTime(1700000001.9).hundredths, 100);
});
