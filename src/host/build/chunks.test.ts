import assert from 'node:assert/strict';
import { createHash, hash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { sourceOfBytes } from '../../formats/byte-source.ts';
import type { Extent } from '../../formats/squashfs/writer.ts';
import { chunkBorders, hashChunks } from './chunks.ts';

/** Extents that follow one another, as the writer of squashfs reports them. */
function layExtents(files: readonly (readonly number[])[]): { extents: Extent[]; sizeBytes: number } {
  const extents: Extent[] = [];
  let sizeBytes = 0;
  for (const blockBytes of files) {
    const lengthBytes = blockBytes.reduce((sum, bytes) => sum + bytes, 0);
    extents.push({ path: `/${extents.length}`, offsetBytes: sizeBytes, lengthBytes, blockBytes });
    sizeBytes += lengthBytes;
  }
  return { extents, sizeBytes };
}

const blocks = fc.array(fc.integer({ min: 1, max: 131_072 }), { minLength: 1, maxLength: 12 });
const image = fc.array(blocks, { minLength: 1, maxLength: 12 }).map(layExtents);

test('chunkBorders ascend from 0 to the end and never cut a block', () => {
  const property = fc.property(image, (result) => {
    const borders = chunkBorders(result);
    assert.equal(borders[0], 0);
    assert.equal(borders.at(-1), result.sizeBytes);
    assert.ok(borders.every((border, index) => index === 0 || border > borders[index - 1]!));
    const allowed = new Set([0]);
    for (const { offsetBytes, blockBytes } of result.extents) {
      let position = offsetBytes;
      for (const bytes of blockBytes) allowed.add((position += bytes));
    }
    assert.ok(borders.every((border) => allowed.has(border)));
  });
  fc.assert(property, { seed: 3 });
});

test('chunkBorders within a file do not depend on where it lies', () => {
  const property = fc.property(blocks, blocks, blocks, (before, file, after) => {
    const cuts = ({ extents, sizeBytes }: ReturnType<typeof layExtents>, index: number): number[] => {
      const { offsetBytes, lengthBytes } = extents[index]!;
      return chunkBorders({ extents, sizeBytes })
        .filter((border) => border >= offsetBytes && border <= offsetBytes + lengthBytes)
        .map((border) => border - offsetBytes);
    };
    assert.deepEqual(cuts(layExtents([before, file, after]), 1), cuts(layExtents([file]), 0));
  });
  fc.assert(property, { seed: 4 });
});

test('chunkBorders keep chunks of large files near the wanted size', () => {
  const { extents, sizeBytes } = layExtents([Array.from({ length: 1000 }, (_, i) => 20_000 + (i % 7))]);
  const borders = chunkBorders({ extents, sizeBytes });
  const lengths = borders.slice(1).map((border, index) => border - borders[index]!);
  assert.ok(lengths.slice(0, -1).every((length) => length >= 65_536 && length < 65_536 + 20_007));
});

test('hashChunks reads in pieces that have nothing to do with the borders', async () => {
  const bytes = randomBytes(5 * 2 ** 19 + 17);
  const inner = fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 8 });
  const property = fc.asyncProperty(inner, async (cuts) => {
    const borders = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
    const parts = borders.slice(1).map((end, index) => bytes.subarray(borders[index], end));
    assert.deepEqual(await hashChunks(sourceOfBytes(bytes), borders), {
      sha256: hash('sha256', bytes),
      chunks: parts.map((part) => ({ lengthBytes: part.length, sha256: hash('sha256', part) })),
    });
  });
  await fc.assert(property, {
    seed: 5,
    numRuns: 30,
    examples: [[[2 ** 20]], [[2 ** 20 - 1, 2 ** 20, 2 ** 21]]],
  });
});

test('hashChunks covers the image without gaps', async () => {
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff));
  const { sha256, chunks } = await hashChunks(sourceOfBytes(bytes), [0, 1, 500, 1000]);
  const hashOf = (from: number, to: number): string =>
    createHash('sha256').update(bytes.subarray(from, to)).digest('hex');
  assert.equal(sha256, hashOf(0, 1000));
  assert.deepEqual(chunks, [
    { lengthBytes: 1, sha256: hashOf(0, 1) },
    { lengthBytes: 499, sha256: hashOf(1, 500) },
    { lengthBytes: 500, sha256: hashOf(500, 1000) },
  ]);
});
