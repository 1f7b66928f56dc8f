import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { noteUse, prunePackedFiles } from './prune-packed-files.ts';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** A directory with files of 100 bytes, by name and how long ago each was used. */
function makeCache(t: TestContext, ages: Readonly<Record<string, number>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-prune-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, ageMs] of Object.entries(ages)) setAge(join(directory, name), ageMs);
  return directory;
}

function setAge(path: string, ageMs: number): void {
  writeFileSync(path, Buffer.alloc(100));
  const time = (Date.now() - ageMs) / 1000;
  utimesSync(path, time, time);
}

test('prunePackedFiles removes what was not used within the time kept', async (t) => {
  const directory = makeCache(t, { old: 31 * DAY_MS, fresh: 29 * DAY_MS, 'left.1.tmp': 40 * DAY_MS });
  await prunePackedFiles(directory);
  assert.deepEqual(readdirSync(directory).toSorted(), ['.pruned', 'fresh']);
});

test('prunePackedFiles keeps the most recently used of what is too much', async (t) => {
  const directory = makeCache(t, { a: 3 * HOUR_MS, b: 1 * HOUR_MS, c: 2 * HOUR_MS });
  await prunePackedFiles(directory, { keptMs: DAY_MS, maxBytes: 250 });
  assert.deepEqual(readdirSync(directory).toSorted(), ['.pruned', 'b', 'c']);
});

test('prunePackedFiles does nothing within a day of the last time', async (t) => {
  const directory = makeCache(t, { old: 31 * DAY_MS, '.pruned': 23 * HOUR_MS });
  await prunePackedFiles(directory);
  assert.deepEqual(readdirSync(directory).toSorted(), ['.pruned', 'old']);
  setAge(join(directory, '.pruned'), 25 * HOUR_MS);
  await prunePackedFiles(directory);
  assert.deepEqual(readdirSync(directory), ['.pruned']);
});

test('noteUse touches a file at most once a day', async (t) => {
  const directory = makeCache(t, { old: 25 * HOUR_MS, recent: 23 * HOUR_MS });
  const before = statSync(join(directory, 'recent')).mtimeMs;
  await noteUse(join(directory, 'old'));
  await noteUse(join(directory, 'recent'));
  await noteUse(join(directory, 'absent'));
  assert.ok(Date.now() - statSync(join(directory, 'old')).mtimeMs < HOUR_MS);
  assert.equal(statSync(join(directory, 'recent')).mtimeMs, before);
});
