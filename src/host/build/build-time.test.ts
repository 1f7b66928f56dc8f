import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBuildTime } from './build-time.ts';

const NOW_MS = Date.UTC(2026, 10, 28, 17, 30);
const LOCK_SEC = NOW_MS / 1000 - 3600;

test('readBuildTime takes SOURCE_DATE_EPOCH, else the time of the lock, without a word', () => {
  const right = { warnings: [] };
  assert.deepEqual(readBuildTime(undefined, LOCK_SEC, NOW_MS), { buildTimeSec: LOCK_SEC, ...right });
  assert.deepEqual(readBuildTime('', LOCK_SEC, NOW_MS), { buildTimeSec: LOCK_SEC, ...right });
  assert.deepEqual(readBuildTime('1600000000', LOCK_SEC, NOW_MS), { buildTimeSec: 1_600_000_000, ...right });
});

test('readBuildTime says of a time that cannot be right where it comes from', () => {
  const warningOf = (epoch: string | undefined, lockSec: number): string =>
    readBuildTime(epoch, lockSec, NOW_MS).warnings.join('\n');
  assert.match(
    warningOf('0', LOCK_SEC),
    /^The build time, 1970-01-01 00:00:00 UTC, is no time .* SOURCE_DATE_EPOCH is wrong; set it to/,
  );
  assert.match(warningOf('315532800', LOCK_SEC), /^The build time, 1980-01-01/);
  assert.match(
    warningOf(undefined, 0),
    /"createdAtSec" in tskrazy\.lock\.json is wrong; "tsk get -u" writes/,
  );
  assert.match(
    warningOf(undefined, NOW_MS / 1000 + 120),
    /^The build time, 2026-11-28 17:32:00 UTC, is ahead of this computer's clock/,
  );
  assert.equal(warningOf(undefined, NOW_MS / 1000 + 5), '');
});

test('readBuildTime refuses what is no number of seconds', () => {
  for (const epoch of ['yesterday', '-1', '1.5', '4294967296'])
    assert.throws(() => readBuildTime(epoch, LOCK_SEC, NOW_MS), /Cannot use SOURCE_DATE_EPOCH/);
});
