import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directory, file, symlink } from '../../../test/support/formats/squashfs-image.ts';
import { buildTree, type SquashfsEntry } from './entries.ts';

function refuses(entries: SquashfsEntry[], message: string): void {
  assert.throws(() => buildTree(entries, 0), { name: 'RangeError', message });
}

test('buildTree takes parents after their children and sorts names by their bytes', () => {
  // In UTF-16, which JavaScript compares by, the emoji comes before U+FFEE.
  const names = ['\u{1f600}', '\uffee', 'é', 'b', 'B', 'a-', 'a'];
  const { root, directories } = buildTree(
    [...names.map((name) => file(`/d/${name}`, '')), directory('/d')],
    5,
  );
  const sorted = root.children.flatMap((child) => ('children' in child ? directories[0]!.children : []));
  assert.deepEqual(
    sorted.map(({ nameBytes }) => Buffer.from(nameBytes).toString()),
    ['B', 'a', 'a-', 'b', 'é', '\uffee', '\u{1f600}'],
  );
  assert.equal(root.entry.mtimeSec, 5);
});

test('buildTree puts directories after those inside them', () => {
  const paths = ['/a', '/a/b', '/a/b/c', '/a b', '/a!'];
  const { directories } = buildTree(
    paths.map((path) => directory(path)),
    0,
  );
  const order = directories.map(({ entry }) => entry.path);
  assert.deepEqual(order.toSorted(), ['/', ...paths].toSorted());
  for (const path of ['/a/b/c', '/a/b', '/a']) {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    assert.ok(order.indexOf(path) < order.indexOf(parent), path);
  }
});

test('buildTree refuses a missing parent, a parent that is no directory and a path given twice', () => {
  refuses([file('/a/b', '')], 'Cannot add "/a/b": "/a" is not among the directories');
  refuses([file('/a', ''), file('/a/b', '')], 'Cannot add "/a/b": "/a" is not among the directories');
  refuses([file('/a', ''), file('/a', '')], 'Cannot add "/a": it is there twice');
  refuses([directory('/a'), directory('/a')], 'Cannot add "/a": it is there twice');
  refuses([directory('/a'), symlink('/a', 'b')], 'Cannot add "/a": it is there twice');
  refuses([directory('/'), directory('/')], 'Cannot add "/": it is there twice');
  refuses([file('/', '')], 'Cannot add "/": it is a file');
});

test('buildTree refuses paths that are not absolute and normalised', () => {
  for (const path of ['a', '', '/a/', '//a', '/a//b', '/.', '/a/..', '/../a']) {
    refuses([directory('/a'), file(path, '')], `Cannot add "${path}": not an absolute, normalised path`);
  }
});

test('buildTree refuses what the format cannot hold', () => {
  const long = `/${'ä'.repeat(128)}`;
  assert.equal(buildTree([file(long, '')], 0).others.length, 1);
  refuses([file(`${long}x`, '')], `Cannot add "${long}x": its name has 257 bytes, at most 256 fit`);
  assert.equal(buildTree([symlink('/l', 't'.repeat(4095))], 0).others.length, 1);
  for (const length of [0, 4096]) {
    const message = `Cannot add "/l": its target has ${length} bytes, it must have 1 to 4095`;
    refuses([symlink('/l', 't'.repeat(length))], message);
  }
  const badText = 'a NUL or half a surrogate pair is in its name or target';
  refuses([file('/a\0', '')], `Cannot add "/a\0": ${badText}`);
  refuses([file('/\ud83d', '')], `Cannot add "/\ud83d": ${badText}`);
  refuses([symlink('/a', 'b\0')], `Cannot add "/a": ${badText}`);
  refuses([file('/a', '', { mode: 0o100644 })], 'Cannot add "/a": mode 33188 is not from 0 to 4095');
  refuses([file('/a', '', { uid: -1 })], 'Cannot add "/a": uid -1 is not from 0 to 4294967295');
  refuses([file('/a', '', { gid: 1.5 })], 'Cannot add "/a": gid 1.5 is not from 0 to 4294967295');
  refuses(
    [directory('/', { mtimeSec: 2 ** 32 })],
    'Cannot add "/": mtimeSec 4294967296 is not from 0 to 4294967295',
  );
  const device = { ...directory('/d'), kind: 'char-device', major: 4096, minor: 0 } as const;
  refuses([device], 'Cannot add "/d": major 4096 is not from 0 to 4095');
  refuses(
    [{ ...device, major: 1, minor: 2 ** 20 }],
    'Cannot add "/d": minor 1048576 is not from 0 to 1048575',
  );
});
