import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { sourceOfBytes } from '../byte-source.ts';
import {
  decodeInode,
  encodeDeviceInode,
  encodeDirectoryInode,
  encodeFileInode,
  encodeSymlinkInode,
  readDirectoryIndex,
  readFileLayout,
  type Inode,
} from './inode.ts';
import { frameMetadata, MetadataTable } from './metadata.ts';

const BLOCK = 4096;
/** Of objects that equal literals. */
const record = <T>(fields: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> =>
  fc.record<T>(fields, { noNullPrototype: true });
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const header = record({
  mode: fc.nat(0o7777),
  uidIndex: u16,
  gidIndex: u16,
  mtimeSec: u32,
  inodeNumber: u32,
});

function tableOf(bytes: Uint8Array): MetadataTable {
  const framed = frameMetadata(bytes);
  return new MetadataTable(sourceOfBytes(framed), 0, framed.length);
}

async function decode(bytes: Uint8Array): Promise<{ inode: Inode; table: MetadataTable }> {
  const table = tableOf(bytes);
  return { inode: await decodeInode(table.cursor({ blockStart: 0, offset: 0 })), table };
}

test('encodeFileInode and decodeInode agree, in the basic and in the extended form', async () => {
  const layout = record({
    blocks: fc.array(fc.nat(BLOCK), { maxLength: 3000 }),
    tail: fc.nat(BLOCK - 1),
    startBytes: fc.oneof(u32, fc.nat(2 ** 50)),
    fragment: fc.option(record({ index: fc.nat(0xffff_fffe), offset: u32 }), { nil: undefined }),
  }).map(({ blocks, tail, startBytes, fragment }) => ({
    sizeBytes: blocks.length * BLOCK + (fragment ? tail : 0),
    startBytes,
    blockWords: Uint32Array.from(blocks),
    sparseBytes: blocks.filter((word) => word === 0).length * BLOCK,
    ...(fragment ? { fragment } : {}),
  }));
  await fc.assert(
    fc.asyncProperty(header, layout, async (head, file) => {
      const { inode, table } = await decode(encodeFileInode(head, file));
      const { kind, listAt, file: decoded, ...fields } = inode;
      assert.equal(kind, 'file');
      assert.deepEqual(fields, { ...head, linkCount: 1 });
      const { sparseBytes, ...read } = await readFileLayout(decoded!, table.cursor(listAt), BLOCK);
      const { sparseBytes: _, ...expected } = file;
      assert.deepEqual(read, expected);
      // One byte less is stored when all is sparse.
      assert.ok(file.sparseBytes - sparseBytes <= 1);
    }),
    { seed: 21, numRuns: 60 },
  );
});

test('encodeDirectoryInode and decodeInode agree, with and without an index', async () => {
  const layout = record({
    listingBytes: fc.oneof(fc.nat(70_000), fc.nat(0xffff_fff0)),
    blockStart: u32,
    offset: fc.nat(8191),
    subdirectoryCount: fc.nat(1000),
    parentInodeNumber: u32,
    index: fc.array(
      record({
        listingOffset: u32,
        blockStart: u32,
        nameBytes: fc.uint8Array({ minLength: 1, maxLength: 256 }),
      }),
      { maxLength: 50 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(header, layout, async (head, directory) => {
      const { inode, table } = await decode(encodeDirectoryInode(head, directory));
      const { subdirectoryCount, index, ...expected } = directory;
      assert.deepEqual(inode.directory, { ...expected, indexCount: index.length });
      assert.equal(inode.linkCount, subdirectoryCount + 2);
      const read = await readDirectoryIndex(index.length, table.cursor(inode.listAt));
      assert.deepEqual(
        read.map((entry) => ({ ...entry, nameBytes: new Uint8Array(entry.nameBytes) })),
        index,
      );
    }),
    { seed: 22, numRuns: 60 },
  );
});

test('encodeSymlinkInode and encodeDeviceInode agree with decodeInode', async () => {
  await fc.assert(
    fc.asyncProperty(
      header,
      fc.constantFrom('t', '../a b', 'ä€\u{1f600}', 'x'.repeat(4095)),
      record({ major: fc.nat(0xfff), minor: fc.nat(0xf_ffff) }),
      fc.constantFrom('char-device' as const, 'block-device' as const),
      async (head, target, device, kind) => {
        const link = await decode(encodeSymlinkInode(head, Buffer.from(target)));
        assert.equal(link.inode.target, target);
        const node = await decode(encodeDeviceInode(kind, head, device));
        assert.equal(node.inode.kind, kind);
        assert.deepEqual(node.inode.device, device);
      },
    ),
    { seed: 23, numRuns: 60 },
  );
});

test('encodeDeviceInode packs the number as the kernel unpacks it', () => {
  const head = { mode: 0, uidIndex: 0, gidIndex: 0, mtimeSec: 0, inodeNumber: 1 };
  const bytes = encodeDeviceInode('char-device', head, { major: 0xabc, minor: 0x12345 });
  assert.equal(Buffer.from(bytes).readUInt32LE(20), 0x123abc45);
});

test('decodeInode and readFileLayout refuse what cannot be', async () => {
  await assert.rejects(decode(Buffer.alloc(32, 15)), { name: 'SyntaxError', message: /its type is 3855$/ });
  const head = { mode: 0, uidIndex: 0, gidIndex: 0, mtimeSec: 0, inodeNumber: 1 };
  const link = encodeSymlinkInode(head, Buffer.from('target'));
  Buffer.from(link.buffer).writeUInt32LE(0xffff_ffff, 20);
  await assert.rejects(decode(link), /its symlink target has 4294967295 bytes$/);
  // A block list that would need 1 TiB: fails at the end of the table, with nothing allocated for it.
  const sizeBytes = 2 ** 50;
  const file = { sizeBytes, startBytes: 0, blockWords: new Uint32Array(5), sparseBytes: 0 };
  const { inode, table } = await decode(encodeFileInode(head, file));
  await assert.rejects(readFileLayout(inode.file!, table.cursor(inode.listAt), BLOCK), /its table ends at/);
});
