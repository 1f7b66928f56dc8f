import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { makeWorkDirectory } from './work-directory.ts';

test('makeWorkDirectory removes what builds of dead processes left, and nothing else', async (t) => {
  const state = mkdtempSync(join(tmpdir(), 'tsk-work-'));
  t.after(() => rmSync(state, { recursive: true }));
  const { pid: dead } = spawnSync(process.execPath, ['--version']);
  const kept = [`build-${process.ppid}-abcdef`, 'build-notes', 'source-maps', `xbuild-${dead}-abcdef`];
  for (const name of [...kept, `build-${dead}-abcdef`]) mkdirSync(join(state, name));
  writeFileSync(join(state, `build-${dead}-abcdef`, 'root.img'), 'x');
  const made = await makeWorkDirectory(state);
  assert.match(basename(made), new RegExp(`^build-${process.pid}-`));
  assert.deepEqual(readdirSync(state).toSorted(), [...kept, basename(made)].toSorted());
  assert.notEqual(await makeWorkDirectory(state), made);
});
