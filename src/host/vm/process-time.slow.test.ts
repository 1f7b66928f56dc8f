import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePsTime, readProcessTime } from './process-time.ts';

test('readProcessTime counts what a process has used', async () => {
  const before = await readProcessTime(process.pid);
  const end = process.cpuUsage().user + 50_000;
  while (process.cpuUsage().user < end);
  const after = await readProcessTime(process.pid);
  assert.ok(after.usedMs - before.usedMs >= 20, `${after.usedMs - before.usedMs} ms`);
  assert.ok(after.waitedMs >= before.waitedMs);
});

test('parsePsTime reads what ps prints on Linux and macOS', () => {
  assert.equal(parsePsTime('    00:01:15\n'), 75_000);
  assert.equal(parsePsTime('2-03:04:05\n'), 183_845_000);
  assert.equal(parsePsTime('  1:02.50\n'), 62_500);
});
