import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRtcTime, encodeSlew, encodeStep, SystemClock } from './clock.ts';

function stepOf(deltaMs: number): [bigint, bigint] {
  const view = new DataView(encodeStep(deltaMs).buffer);
  return [view.getBigInt64(72, true), view.getBigInt64(80, true)];
}

test('encodeStep has whole seconds down and nanoseconds up, as adjtimex wants them', () => {
  assert.deepEqual(stepOf(1500), [1n, 500_000_000n]);
  assert.deepEqual(stepOf(-0.5), [-1n, 999_500_000n]);
  assert.deepEqual(stepOf(-2000), [-2n, 0n]);
  assert.deepEqual(stepOf(999.999_999_9), [0n, 999_999_999n]);
});

test('encodeSlew tells the kernel that the clock is synchronised', () => {
  const bytes = encodeSlew({ offsetMs: -1.5, pollExponent: 6, maxErrorMs: 10, leap: 'insert' });
  const view = new DataView(bytes.buffer);
  assert.equal(view.getUint32(0, true), 0x203d);
  assert.equal(view.getBigInt64(8, true), -1_500_000n);
  assert.equal(view.getBigInt64(24, true), 10_000n);
  assert.equal(view.getInt32(40, true), 0x11);
  assert.equal(view.getBigInt64(48, true), 3n);
});

test('encodeRtcTime counts months from 0 and years from 1900', () => {
  const fields = new Int32Array(encodeRtcTime(new Date('2026-11-23T15:04:05Z')).buffer);
  assert.deepEqual([...fields.subarray(0, 6)], [5, 4, 15, 23, 10, 126]);
});

test('SystemClock reads the time that Date.now() reads', () => {
  assert.ok(Math.abs(new SystemClock().nowMs() - Date.now()) < 100);
});
