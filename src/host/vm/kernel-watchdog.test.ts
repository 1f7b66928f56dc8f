import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { serveQmp } from '../../../test/support/machines/qmp-server.ts';
import { isOver, watchKernel } from './kernel-watchdog.ts';
import { QmpClient } from './qmp.ts';

/** A machine that has read so often from its disk, look by look; it ends when there is no more. */
async function watch(
  t: TestContext,
  reads: readonly number[],
  limitMs: number,
): Promise<[boolean, string[]]> {
  const asked: string[] = [];
  const path = await serveQmp(t, ({ execute }, socket) => {
    if (execute === 'qmp_capabilities') return { return: {} };
    const count = reads[asked.length];
    asked.push(execute);
    if (execute === 'system_reset') return { return: {} };
    if (count === undefined) return void socket.destroy();
    const other = { device: 'pflash0', stats: { rd_operations: 9 } };
    return { return: [other, { device: 'disk', stats: { rd_operations: count } }] };
  });
  const client = await QmpClient.connect(path);
  t.after(() => client.close());
  const wasReset = await watchKernel({ pid: process.pid, client, limitMs, lookEveryMs: 1 });
  return [wasReset, asked];
}

test('watchKernel leaves a machine alone whose kernel reads from the disk', async (t) => {
  const looks = Array.from({ length: 3 }, () => 'query-blockstats');
  assert.deepEqual(await watch(t, [0, 0, 1, 0, 0], 1e6), [false, looks]);
});

test('watchKernel resets a machine whose kernel never does', async (t) => {
  const [wasReset, asked] = await watch(t, [0, 0, 0], -1e9);
  assert.deepEqual([wasReset, asked], [true, ['query-blockstats', 'system_reset']]);
});

test('watchKernel is content with a machine that ends', async (t) => {
  assert.equal((await watch(t, [0, 0], 1e6))[0], false);
});

test('isOver: a kernel that hangs, and one on a busy computer that is slow', () => {
  const cases: [elapsedMs: number, usedMs: number, waitedMs: number, expected: boolean][] = [
    // It waits for what never comes.
    [59_000, 100, 0, false],
    [61_000, 100, 0, true],
    // It spins, with a processor of its own and with a share of one.
    [61_000, 60_000, 1000, true],
    [61_000, 15_000, 46_000, false],
    [85_000, 21_000, 90_000, true],
    // It is starved, and has not come far.
    [300_000, 4000, 296_000, false],
  ];
  for (const [elapsedMs, usedMs, waitedMs, expected] of cases)
    assert.equal(
      isOver(elapsedMs, { usedMs, waitedMs }, 60_000),
      expected,
      `${elapsedMs} ${usedMs} ${waitedMs}`,
    );
});
