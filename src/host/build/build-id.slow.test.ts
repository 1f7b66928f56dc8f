import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildIdOf, describeEntries, hashContent } from './build-id.ts';
import type { RootEntry } from '../root-tree.ts';

const base = { mode: 0o644, layer: 'app:one', origin: 'app one' } as const;
const file: RootEntry = {
  ...base,
  kind: 'file',
  path: '/a',
  content: { kind: 'bytes', bytes: Buffer.from('a') },
};
const link: RootEntry = { ...base, kind: 'symlink', path: '/b', target: '/a' };
const directory: RootEntry = { ...base, kind: 'directory', path: '/c' };

async function idOf(...entries: RootEntry[]): Promise<string> {
  return buildIdOf(await describeEntries(entries));
}

test('buildIdOf does not depend on the order of entries', async () => {
  assert.equal(await idOf(file, link, directory), await idOf(directory, file, link));
});

test('buildIdOf depends on everything that the device sees of an entry', async () => {
  const changed: RootEntry[] = [
    { ...file, content: { kind: 'bytes', bytes: Buffer.from('b') } },
    { ...file, path: '/A' },
    { ...file, mode: 0o755 },
    { ...file, uid: 1 },
    { ...file, gid: 1 },
    { ...link, path: '/a' },
    { ...link, path: '/a', target: '/b' },
    { ...directory, path: '/a' },
  ];
  const ids = await Promise.all([file, ...changed].map((entry) => idOf(entry)));
  assert.equal(new Set(ids).size, ids.length);
});

test('buildIdOf does not depend on what only the build knows', async () => {
  assert.equal(await idOf({ ...file, layer: 'system', origin: 'tskrazy' }), await idOf(file));
});

test('hashContent gives the SHA-256 of bytes and of files, and believes a hash that is known', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-build-id-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'file');
  const bytes = Buffer.alloc(3_000_000, 'x');
  writeFileSync(path, bytes);
  const expected = createHash('sha256').update(bytes).digest('hex');
  assert.equal(await hashContent({ kind: 'bytes', bytes }), expected);
  assert.equal(await hashContent({ kind: 'path', path, sizeBytes: bytes.length }), expected);
  assert.equal(await hashContent({ kind: 'path', path: '/nowhere', sizeBytes: 1, sha256: 'known' }), 'known');
});

test('hashContent says what cannot be read', async () => {
  await assert.rejects(hashContent({ kind: 'path', path: '/nowhere/file', sizeBytes: 1 }), {
    name: 'UserError',
    message: 'Cannot read "/nowhere/file": it is not there',
  });
});

test('describeEntries has few files open at a time, however many there are', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-build-id-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const script = `
    import { writeFileSync } from 'node:fs';
    import { describeEntries } from ${JSON.stringify(import.meta.resolve('./build-id.ts'))};
    const entries = Array.from({ length: 400 }, (_, index) => {
      const path = process.argv[1] + '/' + index;
      writeFileSync(path, String(index));
      return { kind: 'file', path: '/' + index, mode: 0o644, content: { kind: 'path', path, sizeBytes: 1 } };
    });
    console.log((await describeEntries(entries)).length);`;
  const args = ['-c', 'ulimit -n 128 && exec "$0" --input-type=module -e "$1" "$2"'];
  const { stdout, stderr } = spawnSync('sh', [...args, process.execPath, script, directory], {
    encoding: 'utf8',
  });
  assert.equal(stdout, '400\n', stderr);
});
