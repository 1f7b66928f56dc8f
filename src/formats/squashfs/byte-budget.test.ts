import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ByteBudget } from './byte-budget.ts';

test('ByteBudget admits what fits, in order, and what is larger than all of it alone', async () => {
  const budget = new ByteBudget(10);
  const admitted: number[] = [];
  const ask = (sizeBytes: number): void => {
    void budget.acquire(sizeBytes).then(() => admitted.push(sizeBytes));
  };
  for (const sizeBytes of [6, 4, 3, 20, 1]) ask(sizeBytes);
  await setImmediate();
  assert.deepEqual(admitted, [6, 4]);
  budget.release(6);
  await setImmediate();
  assert.deepEqual(admitted, [6, 4, 3]);
  budget.release(4);
  await setImmediate();
  assert.deepEqual(admitted, [6, 4, 3], 'the 1 that would fit does not overtake the 20');
  budget.release(3);
  await setImmediate();
  assert.deepEqual(admitted, [6, 4, 3, 20]);
  budget.release(20);
  await setImmediate();
  assert.deepEqual(admitted, [6, 4, 3, 20, 1]);
});
