import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
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
