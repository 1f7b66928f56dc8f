import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveMemoryBack } from './give-memory-back.ts';

const COUNT = 64;
const BYTES = 64 * 1024;

test('buffers that nobody has any more are given back when that is asked for', () => {
  const { arrayBuffers: before } = process.memoryUsage();
  let kept: Buffer[] | undefined = Array.from({ length: COUNT }, () => Buffer.allocUnsafeSlow(BYTES));
  assert.equal(kept.length, COUNT);
  const { arrayBuffers: during } = process.memoryUsage();
  kept = undefined;
  giveMemoryBack();
  const { arrayBuffers: after } = process.memoryUsage();
  assert.ok(during - before >= COUNT * BYTES * 0.9, `${during - before} bytes came`);
  assert.ok(during - after >= COUNT * BYTES * 0.9, `${during - after} of ${during - before} bytes went`);
});
