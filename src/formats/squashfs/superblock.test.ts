import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeSuperblock, encodeSuperblock, type Superblock } from './superblock.ts';

const u32 = fc.nat(0xffff_ffff);
const superblock = fc
  .record(
    {
      inodeCount: u32,
      mtimeSec: u32,
      blockSizeBytes: fc.integer({ min: 12, max: 20 }).map((log) => 2 ** log),
      fragmentCount: u32,
      flags: fc.nat(0xffff),
      idCount: fc.integer({ min: 1, max: 0xffff }),
      rootInode: fc.record({ blockStart: u32, offset: fc.nat(8191) }, { noNullPrototype: true }),
      starts: fc.uniqueArray(fc.integer({ min: 96, max: 2 ** 50 }), { minLength: 5, maxLength: 5 }),
    },
    { noNullPrototype: true },
  )
  .map(({ starts, ...rest }): Superblock => {
    const [inodes, directories, fragments, ids, end] = starts.toSorted((a, b) => a - b);
    return {
      ...rest,
      inodeTableStart: inodes!,
      directoryTableStart: directories!,
      fragmentTableStart: fragments!,
      idTableStart: ids!,
      bytesUsed: end!,
    };
  });

test('encodeSuperblock and decodeSuperblock agree', () => {
  fc.assert(
    fc.property(superblock, (fields) => {
      assert.deepEqual(decodeSuperblock(encodeSuperblock(fields), fields.bytesUsed), fields);
    }),
    { seed: 26 },
  );
});

test('decodeSuperblock says what is wrong', () => {
  const good: Superblock = {
    inodeCount: 1,
    mtimeSec: 0,
    blockSizeBytes: 131_072,
    fragmentCount: 1,
    flags: 0,
    idCount: 1,
    rootInode: { blockStart: 0, offset: 0 },
    bytesUsed: 1000,
    inodeTableStart: 96,
    directoryTableStart: 200,
    fragmentTableStart: 300,
    idTableStart: 400,
  };
  const refuses = (change: (view: DataView) => void, problem: string, sizeBytes = 1000): void => {
    const bytes = encodeSuperblock(good);
    change(new DataView(bytes.buffer));
    const message = `Cannot read the squashfs image: ${problem}`;
    assert.throws(() => decodeSuperblock(bytes, sizeBytes), { name: 'SyntaxError', message });
  };
  refuses((view) => view.setUint8(0, 0), 'it does not start with "hsqs"');
  refuses((view) => view.setUint16(28, 3, true), 'version 3.0, not 4.0');
  refuses((view) => view.setUint16(20, 4, true), 'compressed with xz, not zlib');
  refuses((view) => view.setUint16(20, 9, true), 'compressed with unknown compressor 9, not zlib');
  refuses(
    (view) => view.setUint16(22, 16, true),
    'block size 131072 is no power of two from 4096 to 1048576, or is not 2^16',
  );
  refuses(() => {}, 'it is cut off, 1000 bytes long but 999 are there', 999);
  refuses((view) => view.setUint32(64, 95, true), 'inode table at 95, directory table at 200');
  refuses((view) => view.setUint32(72, 96, true), 'inode table at 96, directory table at 96');
  refuses((view) => view.setUint32(72, 1001, true), 'directory table at 1001 of 1000 bytes');
  refuses((view) => view.setUint16(26, 0, true), '0 ids at 400 of 1000 bytes');
  refuses((view) => view.setUint32(48, 1000, true), '1 ids at 1000 of 1000 bytes');
  refuses((view) => view.setUint32(80, 1000, true), 'fragment table at 1000 of 1000 bytes');
});
