import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  directory,
  file,
  imageInMemory,
  sampleBytes,
  symlink,
} from '../../../test/support/formats/squashfs-image.ts';
import { readDamaged } from '../../../test/support/formats/squashfs-damage.ts';
import { sourceOfBytes } from '../byte-source.ts';
import { openSquashfs } from './reader.ts';

const BLOCK = 4096;

async function smallImage(): Promise<Uint8Array> {
  const holes = sampleBytes(6 * BLOCK + 100);
  holes.fill(0, BLOCK, 3 * BLOCK);
  const { bytes } = await imageInMemory(
    [
      directory('/dir', { uid: 1000, gid: 100 }),
      directory('/dir/sub'),
      file('/dir/large', holes),
      file('/dir/small', 'small'),
      file('/dir/sub/other', sampleBytes(3000)),
      symlink('/link', 'dir/small'),
      ...Array.from({ length: 300 }, (_, i) => symlink(`/dir/sub/a-rather-long-name-${i}`, `${i}`)),
    ],
    { blockSizeBytes: BLOCK },
  );
  return bytes;
}

test('openSquashfs reads any range of a file, across blocks, holes and the tail', async () => {
  const content = sampleBytes(6 * BLOCK + 100);
  content.fill(0, BLOCK, 3 * BLOCK);
  const reader = await openSquashfs(sourceOfBytes(await smallImage()));
  const source = await reader.openFile('/dir/large');
  assert.equal(source.sizeBytes, content.length);
  await fc.assert(
    fc.asyncProperty(fc.nat(content.length), fc.nat(content.length), async (a, b) => {
      const [start, end] = a < b ? [a, b] : [b, a];
      assert.deepEqual(Buffer.from(await source.read(start, end - start)), content.subarray(start, end));
    }),
    { seed: 27, numRuns: 50 },
  );
  await assert.rejects(source.read(0, content.length + 1), RangeError);
  await assert.rejects(source.read(-1, 1), RangeError);
});

test('openSquashfs says why a path cannot be read', async () => {
  const reader = await openSquashfs(sourceOfBytes(await smallImage()));
  const cannot = 'of the squashfs image:';
  await assert.rejects(reader.stat('/dir/nope'), {
    code: 'ENOENT',
    message: `Cannot read "/dir/nope" ${cannot} there is no "nope"`,
  });
  await assert.rejects(reader.readFile('/link/x'), {
    code: 'ENOTDIR',
    message: `Cannot read "/link/x" ${cannot} what is above "x" is a symlink`,
  });
  await assert.rejects(reader.readFile('/dir'), {
    code: 'EISDIR',
    message: `Cannot read "/dir" ${cannot} it is a directory, not a file`,
  });
  await assert.rejects(reader.list('/link'), {
    code: 'ENOTDIR',
    message: `Cannot read "/link" ${cannot} it is a symlink, not a directory`,
  });
  await assert.rejects(reader.readlink('/dir'), {
    code: 'EINVAL',
    message: `Cannot read "/dir" ${cannot} it is a directory, not a symlink`,
  });
  await assert.rejects(reader.readFile('/dir/large', { maxBytes: 10 }), {
    name: 'RangeError',
    message: 'Cannot read "/dir/large" at once: it has 24676 bytes, the limit is 10',
  });
  await assert.rejects(openSquashfs(sourceOfBytes(Buffer.alloc(95))), {
    message: 'Cannot read the squashfs image: it has only 95 bytes',
  });
});

test('openSquashfs takes paths with and without a slash at either end', async () => {
  const reader = await openSquashfs(sourceOfBytes(await smallImage()));
  for (const path of ['/', '']) assert.deepEqual(await reader.list(path), ['dir', 'link']);
  for (const path of ['/dir/small', 'dir/small', '/dir//small']) {
    assert.equal(Buffer.from(await reader.readFile(path)).toString(), 'small');
  }
});

test('openSquashfs ends in an error or reads on, but never crashes, hangs or reads without limit when bytes are damaged', async () => {
  const image = await smallImage();
  const used = (await openSquashfs(sourceOfBytes(image))).superblock;
  const metadataBytes = used.bytesUsed - used.inodeTableStart;
  // Most bytes are data, whose damage is dull: aim at the superblock and at the tables.
  const place = fc.oneof(
    fc.nat(95),
    fc.nat(metadataBytes - 1).map((at) => used.inodeTableStart + at),
    fc.nat(image.length - 1),
  );
  const value = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  const damage = fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      const bytes = Buffer.from(image);
      for (const [at, value] of changes) bytes[at] = value;
      await readDamaged(bytes, { entries: 5000, readBytes: 100 * image.length });
    }),
    { seed: 28, numRuns: 20 },
  );
});

test('openSquashfs refuses an image cut off anywhere', async () => {
  const image = await smallImage();
  const { bytesUsed } = (await openSquashfs(sourceOfBytes(image))).superblock;
  for (let length = 0; length < bytesUsed; length += 997) {
    await assert.rejects(openSquashfs(sourceOfBytes(image.subarray(0, length))), SyntaxError);
  }
});

test('openSquashfs refuses to walk a directory that contains itself', async () => {
  const { bytes } = await imageInMemory([directory('/a'), directory('/a/b'), file('/a/b/f', 'x')]);
  const reader = await openSquashfs(sourceOfBytes(bytes));
  const { directoryTableStart, rootInode } = reader.superblock;
  // The listings are those of /a/b, /a and /; let the entry in that of /a lead to the root's inode.
  const listing = Buffer.from(bytes).subarray(directoryTableStart + 2 + 21);
  assert.equal(listing.readUInt16LE(18), 0, 'name of one byte');
  const damaged = Buffer.from(bytes);
  damaged.writeUInt16LE(rootInode.offset, directoryTableStart + 2 + 21 + 12);
  const walk = async (): Promise<void> => {
    const paths: string[] = [];
    for await (const { path } of (await openSquashfs(sourceOfBytes(damaged))).entries()) {
      paths.push(path);
      assert.ok(paths.length < 10);
    }
  };
  await assert.rejects(walk(), {
    message: 'Cannot read "/a/b" of the squashfs image: its listing belongs to another directory',
  });
});

test('openSquashfs refuses names that would lead out of their directory', async () => {
  for (const [name, evil] of [
    ['xx', '..'],
    ['abc', 'a/c'],
    ['y', '.'],
  ] as const) {
    const { bytes } = await imageInMemory([symlink(`/${name}`, 'target')]);
    const damaged = Buffer.from(bytes);
    const { directoryTableStart } = (await openSquashfs(sourceOfBytes(bytes))).superblock;
    damaged.write(evil, damaged.indexOf(name, directoryTableStart));
    const reader = await openSquashfs(sourceOfBytes(damaged));
    await assert.rejects(reader.list('/'), {
      name: 'SyntaxError',
      message: `Cannot read "/" of the squashfs image: ${JSON.stringify(evil)} is no file name`,
    });
  }
});
