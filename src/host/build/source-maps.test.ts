import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { saveSourceMaps } from './source-maps.ts';

const PROGRAM = {
  name: 'init' as const,
  path: '/tsk/init.cjs',
  code: new Uint8Array(),
  sourceMap: new Uint8Array(),
};

test('saveSourceMaps keeps those of the newest builds, and does not mind that others go meanwhile', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-maps-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (let index = 1; index <= 25; index++) {
    const path = join(directory, 'source-maps', `build-${index}`);
    mkdirSync(path, { recursive: true });
    utimesSync(path, index, index);
  }
  // Like a directory that is gone between being listed and being looked at.
  symlinkSync('nowhere', join(directory, 'source-maps', 'gone'));
  await saveSourceMaps(directory, 'new', [], [PROGRAM]);
  const kept = Array.from({ length: 19 }, (_, index) => `build-${index + 7}`);
  assert.deepEqual(readdirSync(join(directory, 'source-maps')).toSorted(), [...kept, 'new'].toSorted());
});
