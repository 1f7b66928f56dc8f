import assert from 'node:assert/strict';
import { chmod, lstat, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Component } from './component.ts';
import { licenceFiles } from './component.ts';
import { createTree, openTree, verifyFile } from './component-tree.ts';

async function makeTree(t: TestContext): Promise<{ path: string; component: Component; damage: string[] }> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-tree-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'trees', 'node-1');
  const component = await createTree(
    path,
    join(directory, 'temporary'),
    { name: 'node', version: '26.10.0' },
    async (writer) => {
      await writer.file('bin/node', 0o755, Buffer.from('program'));
      await writer.file('LICENSE', 0o644, Buffer.from('licence'));
      await writer.symlink('bin/nodejs', 'node');
    },
  );
  return { path, component, damage: [] };
}

test('createTree publishes files, modes and links, and openTree finds them', async (t) => {
  const { path, component, damage } = await makeTree(t);
  assert.deepEqual(
    component.files.map((file) => [file.path, file.kind, file.mode.toString(8), file.sizeBytes]),
    [
      ['LICENSE', 'file', '644', 7],
      ['bin/node', 'file', '755', 7],
      ['bin/nodejs', 'symlink', '777', 4],
    ],
  );
  assert.deepEqual(await openTree(path, (what) => damage.push(what)), component);
  assert.deepEqual(damage, []);
  assert.equal((await lstat(join(component.directory, 'bin/node'))).mode & 0o7777, 0o755);
  assert.deepEqual(licenceFiles(component), [{ name: 'LICENSE', path: 'LICENSE' }]);
});

test('createTree leaves nothing at its place when the files cannot be made', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-tree-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'tree');
  const identity = { name: 'node', version: '1' } as const;
  const failing = createTree(path, join(directory, 'temporary'), identity, async (writer) => {
    await writer.file('bin/node', 0o755, Buffer.from('half'));
    throw new Error('no more');
  });
  await assert.rejects(failing, /no more/);
  assert.equal(await openTree(path, () => {}), undefined);
  assert.deepEqual(await readdir(directory), ['temporary']);
});

test('TreeWriter refuses paths that lead out of the tree', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-tree-'));
  t.after(() => rm(directory, { recursive: true }));
  const identity = { name: 'node', version: '1' } as const;
  for (const path of ['../x', '/x', 'a/../../x', 'a//b', '', '.']) {
    const attempt = createTree(
      join(directory, 'tree'),
      join(directory, 'temporary'),
      identity,
      async (writer) => {
        await writer.file(path, 0o644, new Uint8Array());
      },
    );
    await assert.rejects(attempt, { name: 'RangeError', message: /not a relative, normalised path/ });
    await rm(join(directory, 'temporary'), { recursive: true });
  }
});

test('openTree hashes again what was touched, and accepts it when it is the same', async (t) => {
  const { path, component, damage } = await makeTree(t);
  const before = await readFile(join(path, 'checked.json'), 'utf8');
  await utimes(join(component.directory, 'bin/node'), 1, 1);
  assert.ok(await openTree(path, (what) => damage.push(what)));
  assert.deepEqual(damage, []);
  assert.notEqual(await readFile(join(path, 'checked.json'), 'utf8'), before);
});

test('openTree refuses a tree whose file has another content, mode aside', async (t) => {
  const { path, component, damage } = await makeTree(t);
  await writeFile(join(component.directory, 'bin/node'), 'PROGRAM');
  assert.equal(await openTree(path, (what) => damage.push(what)), undefined);
  assert.match(damage[0] ?? '', /^"bin\/node" has SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}$/);
});

test('openTree notices a file replaced by one of the same size and time', async (t) => {
  const { path, component } = await makeTree(t);
  const file = join(component.directory, 'bin/node');
  const { atime, mtime } = await lstat(file);
  await writeFile(`${file}.new`, 'PROGRAM', { mode: 0o755 });
  await utimes(`${file}.new`, atime, mtime);
  await rename(`${file}.new`, file);
  assert.equal(await openTree(path, () => {}), undefined);
});

test('openTree refuses missing files, files of another kind and unreadable records', async (t) => {
  const { path, component, damage } = await makeTree(t);
  const note = (what: string) => damage.push(what);
  await rm(join(component.directory, 'bin/nodejs'));
  assert.equal(await openTree(path, note), undefined);
  await writeFile(join(component.directory, 'bin/nodejs'), 'node');
  assert.equal(await openTree(path, note), undefined);
  await writeFile(join(path, 'component.json'), '{ half');
  assert.equal(await openTree(path, note), undefined);
  assert.deepEqual(damage, [
    '"bin/nodejs" is missing',
    '"bin/nodejs" is of another kind',
    '"component.json" is not readable',
  ]);
});

test('openTree does not mind the mode of a file in the cache', async (t) => {
  const { path, component } = await makeTree(t);
  await chmod(join(component.directory, 'bin/node'), 0o600);
  // The mode that counts is the recorded one: what goes to the image does not come from the cache's own bits.
  assert.deepEqual(await openTree(path, () => {}), component);
});

test('verifyFile hashes the bytes whatever the times say', async (t) => {
  const { component } = await makeTree(t);
  await verifyFile(component, 'bin/node');
  await writeFile(join(component.directory, 'bin/node'), 'PROGRAM');
  await assert.rejects(verifyFile(component, 'bin/node'), {
    name: 'UserError',
    message:
      /^Cannot use component node: "bin\/node" has a wrong hash: expected [0-9a-f]{64}, got [0-9a-f]{64}$/,
  });
  await assert.rejects(verifyFile(component, 'bin/other'), { name: 'RangeError' });
});
