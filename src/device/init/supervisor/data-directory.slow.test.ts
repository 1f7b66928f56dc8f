import assert from 'node:assert/strict';
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { makeDataDirectory } from './data-directory.ts';

const UID = 300_000_001;
const needsRoot = process.getuid?.() === 0 ? false : 'only root gives files away';

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-data-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('makeDataDirectory makes it, for its owner only', async (t) => {
  const path = join(scratch(t), 'home/app');
  const uid = process.getuid?.() ?? 0;
  await makeDataDirectory(path, uid);
  await makeDataDirectory(path, uid);
  assert.equal(statSync(path).mode & 0o777, 0o700);
});

test(
  'makeDataDirectory gives all that is in it to a new owner, and nothing else',
  { skip: needsRoot },
  async (t) => {
    const directory = scratch(t);
    const outside = join(directory, 'outside');
    writeFileSync(outside, '');
    const path = join(directory, 'app');
    mkdirSync(join(path, 'a/b'), { recursive: true });
    writeFileSync(join(path, 'a/b/file'), '');
    symlinkSync(outside, join(path, 'link'));
    chmodSync(path, 0o777);
    await makeDataDirectory(path, UID);
    for (const entry of ['', 'a', 'a/b', 'a/b/file', 'link']) {
      const { uid, gid } = lstatSync(join(path, entry));
      assert.deepEqual([uid, gid], [UID, UID], entry);
    }
    assert.equal(statSync(outside).uid, 0);
    assert.equal(statSync(path).mode & 0o777, 0o700);
  },
);

test('makeDataDirectory gives nothing away that a link leads to', { skip: needsRoot }, async (t) => {
  const directory = scratch(t);
  mkdirSync(join(directory, 'elsewhere'));
  symlinkSync('elsewhere', join(directory, 'app'));
  await assert.rejects(makeDataDirectory(join(directory, 'app'), UID), /is reached by a link/);
  await assert.rejects(makeDataDirectory(join(directory, 'app', 'inner'), UID), /is reached by a link/);
  assert.equal(statSync(join(directory, 'elsewhere')).uid, 0);
});

test(
  'makeDataDirectory is led astray by nobody who swaps directories for links',
  { skip: needsRoot },
  async (t) => {
    const directory = scratch(t);
    const [path, outside] = [join(directory, 'app'), join(directory, 'outside')];
    mkdirSync(join(outside, 'deep'), { recursive: true });
    writeFileSync(join(outside, 'deep/file'), '');
    const swapped = Array.from({ length: 40 }, (_none, index) => join(path, `d${index}`));
    for (const each of swapped) mkdirSync(join(each, 'deep'), { recursive: true });
    const swapper = new Worker(SWAPPER, { eval: true, workerData: { swapped, outside } });
    try {
      await once(swapper, 'message');
      for (let round = 0; round < 20; round++) {
        lchownSync(path, 0, 0);
        // An entry may be gone for a moment; its app then starts the next time.
        await makeDataDirectory(path, UID).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error;
        });
      }
    } finally {
      await swapper.terminate();
    }
    for (const entry of ['', 'deep', 'deep/file'])
      assert.equal(lstatSync(join(outside, entry)).uid, 0, entry);
  },
);

/** Has a directory and a link in each place by turns. */
const SWAPPER = `
  const { renameSync, symlinkSync } = require('node:fs');
  const { parentPort, workerData: { swapped, outside } } = require('node:worker_threads');
  for (const path of swapped) symlinkSync(outside, path + '.link');
  parentPort.postMessage('ready');
  for (;;) {
    for (const path of swapped) {
      renameSync(path, path + '.kept');
      renameSync(path + '.link', path);
      renameSync(path, path + '.link');
      renameSync(path + '.kept', path);
    }
  }
`;
