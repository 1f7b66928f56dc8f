import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeHowLong, expectRestart } from './restart-time.ts';

const seen = (seconds: number | null) => ({ read: async () => seconds });

test('expectRestart: what was seen comes before what the device tells, and that before nothing', async () => {
  const startTime = { beforeKernelSec: 8.25, untilPageSec: 17.2 };
  for (const [restart, status, says] of [
    [seen(40), { startTime }, ', for about 40 s'],
    [seen(null), { startTime }, ', for about 26 s'],
    [
      seen(null),
      { startTime: { ...startTime, beforeKernelSec: null } },
      ', for about 18 s and what its firmware takes',
    ],
    [seen(null), { startTime: null }, ''],
    [seen(null), {}, ''],
  ] as const)
    assert.equal(describeHowLong(await expectRestart(restart, status)), says);
});
