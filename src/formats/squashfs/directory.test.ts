import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { sourceOfBytes } from '../byte-source.ts';
import { encodeListing, readListing, type ListingEntry } from './directory.ts';
import { INODE_TYPES, type InodeKind } from './inode.ts';
import { frameMetadata, metadataRef, MetadataTable } from './metadata.ts';

const inode = fc.record(
  { blockStart: fc.constantFrom(0, 8194, 16_388), offset: fc.nat(8191) },
  { noNullPrototype: true },
);
const entry = fc.record(
  {
    nameBytes: fc.uint8Array({ minLength: 1, maxLength: 256 }),
    kind: fc.constantFrom(...(Object.keys(INODE_TYPES) as InodeKind[])),
    inodeNumber: fc.oneof(fc.nat(200_000), fc.nat(0xffff_ffff)),
    inode,
  },
  { noNullPrototype: true },
);

async function runsOf(table: MetadataTable, position: number, sizeBytes: number): Promise<ListingEntry[][]> {
  const runs: ListingEntry[][] = [];
  for await (const run of readListing(table.cursor(metadataRef(position)), sizeBytes)) {
    runs.push(run.map(({ nameBytes, ...rest }) => ({ ...rest, nameBytes: new Uint8Array(nameBytes) })));
  }
  return runs;
}

function tableOf(position: number, bytes: Uint8Array): MetadataTable {
  const framed = frameMetadata(Buffer.concat([Buffer.alloc(position), bytes]));
  return new MetadataTable(sourceOfBytes(framed), 0, framed.length);
}

test('encodeListing and readListing agree wherever the listing begins, and each index entry meets a header', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 400 }), fc.nat(20_000), async (entries, position) => {
      const { bytes, index } = encodeListing(entries, position);
      const table = tableOf(position, bytes);
      const runs = await runsOf(table, position, bytes.length);
      assert.deepEqual(runs.flat(), entries);
      for (const { listingOffset, blockStart, nameBytes } of index) {
        assert.equal(blockStart, metadataRef(position + listingOffset).blockStart);
        const [run] = await runsOf(table, position + listingOffset, bytes.length - listingOffset);
        assert.deepEqual(run![0]!.nameBytes, nameBytes);
      }
    }),
    { seed: 25, numRuns: 40 },
  );
});

function numbered(count: number, numberOf: (i: number) => number): ListingEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    nameBytes: new Uint8Array(Buffer.from(`name-${String(i).padStart(6, '0')}`)),
    kind: 'file',
    inodeNumber: numberOf(i),
    inode: { blockStart: 0, offset: 0 },
  }));
}

async function runLengths(entries: ListingEntry[]): Promise<number[]> {
  const { bytes } = encodeListing(entries, 0);
  const runs = await runsOf(tableOf(0, bytes), 0, bytes.length);
  return runs.map((run) => run.length);
}

test('encodeListing begins a run after 256 entries and where inode numbers are too far apart', async () => {
  assert.deepEqual(await runLengths([]), []);
  assert.deepEqual(await runLengths(numbered(513, (i) => i)), [256, 256, 1]);
  assert.deepEqual(await runLengths(numbered(4, (i) => 40_000 - 32_767 * (i % 2))), [4]);
  assert.deepEqual(await runLengths(numbered(4, (i) => 40_000 - 32_768 * (i % 2))), [1, 1, 1, 1]);
});

test('encodeListing makes an index only when the listing is longer than a metadata block', () => {
  assert.equal(
    encodeListing(
      numbered(400, (i) => i),
      8000,
    ).index.length,
    0,
  );
  const { bytes, index } = encodeListing(
    numbered(11_000, (i) => i),
    8000,
  );
  assert.ok(bytes.length > 25 * 8192);
  assert.equal(index.length, 25);
});

test('readListing refuses an entry beyond the end, too many entries and an unknown type', async () => {
  const { bytes } = encodeListing(
    numbered(3, (i) => i),
    0,
  );
  await assert.rejects(runsOf(tableOf(0, bytes), 0, bytes.length - 1), /goes beyond its end/);
  const damage = (at: number, value: number): MetadataTable => {
    const copy = Buffer.from(bytes);
    copy.writeUInt16LE(value, at);
    return tableOf(0, copy);
  };
  await assert.rejects(runsOf(damage(0, 256), 0, bytes.length), /claims 257 entries$/);
  await assert.rejects(runsOf(damage(16, 8), 0, bytes.length), /has type 8$/);
  await assert.rejects(runsOf(damage(18, 256), 0, bytes.length), /has 257 bytes$/);
});
