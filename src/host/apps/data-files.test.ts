import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFiles } from '../../../test/support/builds/app-builds.ts';
import { dataFilesScript } from './data-files.ts';

test('dataFilesScript: what is there stays, but for files that the image owns', (t) => {
  const directory = makeFiles(t, {
    'image/a': 'image a',
    'image/b': 'image b',
    'data/deep/b': 'of the user',
    'data/c': 'of the user',
    // A power cut left it half.
    'data/a.tsk-new': 'ima',
  });
  const script = join(directory, 'data-files.cjs');
  const from = (name: string) => join(directory, 'image', name);
  writeFileSync(
    script,
    dataFilesScript([
      { from: from('a'), to: 'a', keep: true },
      { from: from('b'), to: 'deep/b', keep: true },
      { from: from('a'), to: 'c', keep: false },
      { from: from('a'), to: join(directory, 'data/new/deep/d'), keep: true },
    ]),
  );
  const start = () =>
    spawnSync(
      process.execPath,
      ['--require', script, '-e', 'console.log(JSON.stringify(process.execArgv.slice(0, 2)))'],
      { env: { TSK_DATA_DIR: join(directory, 'data') }, encoding: 'utf8' },
    );
  for (let count = 0; count < 2; count++) {
    const { stdout, stderr } = start();
    assert.deepEqual([stdout.includes('--require'), stderr], [false, '']);
    const read = (name: string) => readFileSync(join(directory, 'data', name), 'utf8');
    assert.deepEqual(['a', 'deep/b', 'c', 'new/deep/d'].map(read), [
      'image a',
      'of the user',
      'image a',
      'image a',
    ]);
    assert.deepEqual(readdirSync(join(directory, 'data')).toSorted(), ['a', 'c', 'deep', 'new']);
  }

  mkdirSync(join(directory, 'data/e.tsk-new'));
  writeFileSync(script, dataFilesScript([{ from: from('a'), to: 'e', keep: false }]));
  const { status, stderr } = start();
  assert.equal(status, 1);
  assert.match(stderr, /Error: Cannot put "e" where the program may write: /);
});
