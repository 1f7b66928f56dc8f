import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { sampleBytes } from '../../../test/support/formats/squashfs-image.ts';
import { sourceOfBytes } from '../byte-source.ts';
import { framedLengths, frameMetadata, metadataRef, MetadataTable } from './metadata.ts';

test('frameMetadata is read back from any place and in pieces of any size', async () => {
  const raw = sampleBytes(30_000);
  const framed = frameMetadata(raw);
  const table = new MetadataTable(sourceOfBytes(framed), 0, framed.length);
  await fc.assert(
    fc.asyncProperty(fc.nat(raw.length), fc.array(fc.nat(10_000), { maxLength: 8 }), async (start, sizes) => {
      const cursor = table.cursor(metadataRef(start));
      let position = start;
      for (const size of sizes) {
        if (position + size > raw.length) {
          await assert.rejects(cursor.read(size), SyntaxError);
          return;
        }
        assert.deepEqual(Buffer.from(await cursor.read(size)), raw.subarray(position, position + size));
        position += size;
      }
    }),
    { seed: 24, numRuns: 100 },
  );
  assert.deepEqual(framedLengths(framed), [8194, 8194, 8194, 30_000 - 3 * 8192 + 2]);
  assert.deepEqual(framedLengths(frameMetadata(sampleBytes(8192))), [8194]);
  assert.deepEqual(frameMetadata(new Uint8Array(0)), new Uint8Array(0));
});

async function readFirst(bytes: Uint8Array, lengthBytes: number): Promise<Uint8Array> {
  const table = new MetadataTable(sourceOfBytes(bytes), 0, bytes.length);
  return table.cursor({ blockStart: 0, offset: 0 }).read(lengthBytes);
}

test('MetadataTable reads compressed blocks and refuses damaged ones', async () => {
  const raw = sampleBytes(8192);
  const deflated = deflateSync(raw);
  const block = Buffer.concat([Buffer.of(deflated.length & 0xff, deflated.length >> 8), deflated]);
  assert.deepEqual(await readFirst(block, 8192), raw);
  const bomb = deflateSync(Buffer.alloc(1_000_000));
  for (const damaged of [
    Buffer.of(),
    Buffer.of(1),
    Buffer.of(0, 0, 0),
    Buffer.of(0, 0x80, 0),
    Buffer.of(0xff, 0xff, 0),
    block.subarray(0, -1),
    Buffer.from(block).fill(7, 100, 120),
    Buffer.concat([Buffer.of(bomb.length & 0xff, bomb.length >> 8), bomb]),
  ]) {
    await assert.rejects(readFirst(damaged, 1), SyntaxError);
  }
});
