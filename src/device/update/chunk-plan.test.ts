import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteSource, sourceOfBytes } from '../../formats/byte-source.ts';
import type { Manifest, ManifestFile } from '../../shared/manifest/manifest.ts';
import { planChunks, SlotSizeError } from './chunk-plan.ts';
import { type ChunkPlace, recordOffset } from './place-record.ts';

const MIB = 1024 * 1024;
const PARTITION_BYTES = MIB;

/** Of each number, some bytes; no two have the same length. */
function contentOf(number: number): Uint8Array {
  return new Uint8Array(700 + 37 * number).fill(number);
}

function chunkOf(number: number) {
  const bytes = contentOf(number);
  return { lengthBytes: bytes.length, sha256: hash('sha256', bytes) };
}

function imageOf(numbers: readonly number[]): Uint8Array {
  return Buffer.concat(numbers.map(contentOf));
}

function digestOf(numbers: readonly number[]) {
  const bytes = imageOf(numbers);
  return { sizeBytes: bytes.length, sha256: hash('sha256', bytes), chunks: numbers.map(chunkOf) };
}

function manifestOf(root: readonly number[], kernel: readonly number[] = []): Manifest {
  const bootFiles = kernel.length > 0 ? [{ path: 'vmlinuz', ...digestOf(kernel) }] : [];
  return { root: digestOf(root), bootFiles } as unknown as Manifest;
}

function placesOf(numbers: readonly number[], startBytes = 0): ChunkPlace[] {
  let offsetBytes = startBytes;
  return numbers.map((number) => {
    const place = { ...chunkOf(number), offsetBytes };
    offsetBytes += place.lengthBytes;
    return place;
  });
}

function partitionWith(...contents: [offsetBytes: number, bytes: Uint8Array][]): ByteSource {
  const partition = new Uint8Array(PARTITION_BYTES);
  for (const [offsetBytes, bytes] of contents) partition.set(bytes, offsetBytes);
  return sourceOfBytes(partition);
}

interface PlanParts {
  root: readonly number[];
  kernel?: readonly number[];
  keepsKernel?: boolean;
  target?: ByteSource;
  source?: readonly number[];
  hints?: readonly ChunkPlace[];
}

async function plan({ root, kernel, keepsKernel, target, source = [], hints = [] }: PlanParts) {
  const manifest = manifestOf(root, kernel);
  return planChunks({
    manifest,
    bootFiles: new Set<ManifestFile>(keepsKernel === true ? [] : manifest.bootFiles),
    targetRoot: target ?? partitionWith(),
    libraries: [{ content: sourceOfBytes(imageOf(source)), chunks: placesOf(source) }],
    hints,
  });
}

type Plan = Awaited<ReturnType<typeof plan>>;

function missingOf({ chunks }: Plan): number[] {
  return chunks.filter(({ place }) => place === undefined).map(({ index }) => index);
}

function toWriteOf({ chunks }: Plan): number[] {
  return chunks.flatMap(({ toWrite }) => toWrite).toSorted((x, y) => x - y);
}

test('planChunks: what is in its place is neither written nor asked for', async () => {
  const result = await plan({ root: [1, 2, 3], target: partitionWith([0, imageOf([1, 2, 3])]) });
  assert.deepEqual(missingOf(result), []);
  assert.deepEqual(toWriteOf(result), []);
  assert.deepEqual(result.places, []);
});

test('planChunks: an empty slot takes what the other one has, and asks for the rest', async () => {
  const result = await plan({ root: [1, 2, 3], source: [9, 3, 1] });
  assert.deepEqual(missingOf(result), [1]);
  const ends = placesOf([1, 2, 3]).map(({ offsetBytes }) => offsetBytes);
  assert.deepEqual(toWriteOf(result), ends);
  // What is to come is recorded, what the other slot has is not.
  assert.deepEqual(result.places, [placesOf([1, 2, 3])[1]]);
});

test('planChunks asks once for what the image has several times', async () => {
  const result = await plan({ root: [1, 2, 1, 1], kernel: [2, 1] });
  assert.deepEqual(missingOf(result), [0, 1]);
  assert.equal(result.byNumber[0], result.byNumber[2]);
  assert.equal(result.byNumber[0], result.byNumber[5]);
  const inPlace = await plan({ root: [1, 2, 1, 1], target: partitionWith([0, contentOf(1)]) });
  assert.deepEqual(missingOf(inPlace), [1]);
  assert.equal(toWriteOf(inPlace).length, 3);
});

test('planChunks believes no hint', async () => {
  const hints = [...placesOf([1, 2]), { ...chunkOf(2), offsetBytes: PARTITION_BYTES - 1 }];
  const result = await plan({ root: [2, 1], hints, target: partitionWith([0, contentOf(1)]) });
  assert.deepEqual(missingOf(result), [0]);
});

test('planChunks puts aside what is in the way', async () => {
  const target = partitionWith([0, imageOf([1, 2, 3])]);
  const result = await plan({ root: [3, 1], hints: placesOf([1, 2, 3]), target });
  assert.deepEqual(missingOf(result), []);
  assert.deepEqual(
    result.moves.map(({ sha256 }) => sha256),
    [chunkOf(1).sha256, chunkOf(3).sha256],
  );
  const end = imageOf([3, 1]).length;
  for (const { asideBytes } of result.moves) assert.ok(asideBytes! >= end);
});

test('planChunks leaves what lies behind the image where it is, and out of the way', async () => {
  const end = recordOffset(PARTITION_BYTES);
  const behind = end - 2 * contentOf(5).length;
  const target = partitionWith([behind, contentOf(5)]);
  const hints = [{ ...chunkOf(5), offsetBytes: behind }];
  const result = await plan({ root: [1, 5], kernel: [6], hints, target });
  assert.deepEqual(missingOf(result), [0, 2]);
  assert.deepEqual(result.moves, []);
  const kernelAside = result.byNumber[2]!.asideBytes!;
  assert.ok(kernelAside + contentOf(6).length <= behind || kernelAside >= behind + contentOf(5).length);
});

test('planChunks wants nothing for a boot file that is there', async () => {
  const result = await plan({ root: [1], kernel: [2, 3], keepsKernel: true });
  assert.deepEqual(missingOf(result), [0]);
});

function many(count: number, from: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

test('planChunks refuses what does not fit', async () => {
  const half = many(155, 1);
  assert.ok(imageOf(half).length * 2 > PARTITION_BYTES);
  await assert.rejects(plan({ root: half, kernel: many(100, 156) }), SlotSizeError);
  await assert.rejects(plan({ root: many(240, 1) }), SlotSizeError);
  // What finds no room aside is asked for, as long as it has a place in the image.
  const turned = half.toReversed();
  const result = await plan({
    root: turned,
    hints: placesOf(half),
    target: partitionWith([0, imageOf(half)]),
  });
  assert.ok(missingOf(result).length > 0 && result.moves.length > 0);
});

test('planChunks: whatever the partition holds, every place is true and nothing is in two places at once', async () => {
  const numbers = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
  const pieces = fc.array(fc.tuple(fc.nat(60_000), fc.integer({ min: 1, max: 12 })), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(numbers, numbers, numbers, pieces, async (root, kernel, source, lying) => {
      const target = partitionWith(...lying.map(([at, n]): [number, Uint8Array] => [at, contentOf(n)]));
      const hints = lying.map(([offsetBytes, number]) => ({ ...chunkOf(number), offsetBytes }));
      const result = await plan({ root, kernel, source, target, hints });
      const used: [start: number, end: number][] = [[0, imageOf(root).length]];
      for (const { place, sha256, lengthBytes, asideBytes } of result.chunks) {
        if (place) {
          assert.equal(hash('sha256', await place.source.read(place.offsetBytes, lengthBytes)), sha256);
        }
        if (asideBytes !== undefined) used.push([asideBytes, asideBytes + lengthBytes]);
      }
      const sorted = used.toSorted((x, y) => x[0] - y[0]);
      for (const [i, [start]] of sorted.entries()) assert.ok(i === 0 || start >= sorted[i - 1]![1]);
      assert.ok(sorted.at(-1)![1] <= recordOffset(PARTITION_BYTES));
      const places = new Set(result.moves);
      for (const { place, index } of result.chunks) {
        // What is in the way of the image is moved, unless it is part of it already.
        const inTheWay = place?.source === target && place.offsetBytes < imageOf(root).length;
        const offsets = placesOf(root).filter(({ sha256 }) => sha256 === result.byNumber[index]!.sha256);
        const inPlace = offsets.some(({ offsetBytes }) => offsetBytes === place?.offsetBytes);
        if (inTheWay && !inPlace) assert.ok(places.has(result.byNumber[index]!));
      }
    }),
    { seed: 64, numRuns: 100 },
  );
});
