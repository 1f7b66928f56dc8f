import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RootEntry, RootTree } from './root-tree.ts';

function file(path: string, origin = 'app one'): RootEntry {
  return {
    kind: 'file',
    path,
    mode: 0o644,
    layer: 'app:one',
    origin,
    content: { kind: 'bytes', bytes: new Uint8Array() },
  };
}

function directory(path: string, origin: string): RootEntry {
  return { kind: 'directory', path, mode: 0o755, layer: 'config', origin };
}

test('RootTree keeps entries in the order of adding', () => {
  const tree = new RootTree();
  for (const path of ['/b', '/a', '/c/d']) tree.add(file(path));
  assert.deepEqual(
    tree.entries().map(({ path }) => path),
    ['/b', '/a', '/c/d'],
  );
  assert.equal(tree.get('/a')?.path, '/a');
  assert.equal(tree.get('/x'), undefined);
});

test('RootTree refuses a second entry of one path and names both origins', () => {
  const tree = new RootTree();
  tree.add(file('/etc/hosts', 'tskrazy'));
  assert.throws(() => tree.add(file('/etc/hosts')), {
    name: 'UserError',
    message: 'Cannot add "/etc/hosts" of app one to the image: tskrazy has it already',
  });
  assert.throws(() => tree.add(directory('/etc/hosts', 'app two')), /tskrazy has it already/);
});

test('RootTree takes one directory from several origins', () => {
  const tree = new RootTree();
  tree.add(directory('/data', 'app one'));
  tree.add(directory('/data', 'app two'));
  assert.equal(tree.entries().length, 1);
});

test('RootTree refuses a path below a file', () => {
  const tree = new RootTree();
  tree.add(file('/data', 'app two'));
  assert.throws(() => tree.add(file('/data/x')), {
    name: 'UserError',
    message: 'Cannot add "/data/x" of app one to the image: "/data" of app two is not a directory',
  });
  const other = new RootTree();
  other.add(file('/data/x'));
  assert.throws(() => other.add(file('/data', 'app two')), {
    message: 'Cannot add "/data" of app two to the image: app one has files below it',
  });
});

test('RootTree refuses paths that are not absolute and normalised', () => {
  for (const path of ['x', '/', '', '/x/', '//x', '/x/../y', '/./x', '/x/..']) {
    assert.throws(() => new RootTree().add(file(path)), /not an absolute, normalised path$/, path);
  }
  for (const path of ['/..x', '/x..', '/x/...', '/.x']) new RootTree().add(file(path));
});
