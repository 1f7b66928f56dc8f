import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeDirectory } from './make-directory.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-make-directory-'));
after(() => rmSync(root, { recursive: true }));

test('makeDirectory makes what is missing, and says whether the last one is new', async () => {
  const path = join(root, 'a', 'b', 'c');
  assert.equal(await makeDirectory(path, { mode: 0o700 }), true);
  assert.equal(statSync(join(root, 'a')).mode & 0o777, 0o700);
  assert.equal(await makeDirectory(path), false);
  symlinkSync(path, join(root, 'link'));
  assert.equal(await makeDirectory(join(root, 'link')), false);
  assert.equal(await makeDirectory('/'), false);
});

test('makeDirectory: two at once both succeed', async () => {
  const path = join(root, 'x', 'y', 'z');
  await Promise.all([makeDirectory(path), makeDirectory(path), makeDirectory(path)]);
  assert.ok(statSync(path).isDirectory());
});

test('makeDirectory names the file in the way', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  await assert.rejects(makeDirectory(file), {
    name: 'DirectoryError',
    code: 'EEXIST',
    message: `Cannot make directory "${file}": it is not a directory`,
    hint: 'Move that file away, or name another path.',
  });
  const below = join(file, 'x', 'y');
  await assert.rejects(makeDirectory(below, { hint: 'Think.' }), {
    code: 'ENOTDIR',
    path: file,
    message: `Cannot make directory "${below}": "${file}" is not a directory`,
    hint: 'Think.',
  });
  symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
  await assert.rejects(makeDirectory(join(root, 'dangling')), { code: 'EEXIST' });
});

test('makeDirectory says that a name is too long', async () => {
  const path = join(root, 'x'.repeat(256));
  await assert.rejects(makeDirectory(path), {
    message: `Cannot make directory "${path}": the name is too long`,
    hint: 'Use shorter names.',
  });
});

/** In a mount namespace of its own, with `root`/NAME mounted on itself in a way that takes no more directories. */
function makeBelow(name: string, mount: string, below: string): string {
  const directory = join(root, name);
  mkdirSync(directory);
  const module = JSON.stringify(join(import.meta.dirname, 'make-directory.ts'));
  const program = `
    import { makeDirectory } from ${module};
    await makeDirectory(process.argv[1]).catch((error) => console.log(error.code + ' ' + error.message));`;
  const script = `${mount} && shift && exec "$0" --disable-warning=ExperimentalWarning --input-type=module "$@"`;
  const words = [directory, '-e', program, join(directory, below)];
  const unshare = ['--mount', '--map-root-user', 'sh', '-c', script, process.execPath, ...words];
  return execFileSync('unshare', unshare, { encoding: 'utf8' }).trim();
}

const hasNamespaces = spawnSync('unshare', ['--mount', '--map-root-user', 'true']).status === 0;
const skip = hasNamespaces ? false : 'unshare cannot make a mount namespace here';

test('makeDirectory says that the file system is read-only or full', { skip }, () => {
  const readOnly = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"';
  assert.equal(
    makeBelow('ro', readOnly, 'x/y'),
    `EROFS Cannot make directory "${join(root, 'ro', 'x')}": the file system is read-only`,
  );
  assert.equal(
    makeBelow('full', 'mount -t tmpfs -o nr_inodes=1 none "$1"', 'x'),
    `ENOSPC Cannot make directory "${join(root, 'full', 'x')}": the file system is full`,
  );
  assert.equal(existsSync(join(root, 'ro', 'x')), false);
});
