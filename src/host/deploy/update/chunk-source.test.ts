import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { ChunkStreamDecoder } from '../../../formats/chunk-stream.ts';
import type { ManifestChunk } from '../../../shared/manifest/manifest.ts';
import { compressedChunks, type ImageFiles } from './chunk-source.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsk-chunks-'));
after(() => rmSync(directory, { recursive: true }));

const root = randomBytes(1000);
const kernel = randomBytes(300);
const small = randomBytes(10);
writeFileSync(join(directory, 'root.img'), root);
writeFileSync(join(directory, 'kernel'), kernel);

function cut(bytes: Uint8Array, lengths: readonly number[]): ManifestChunk[] {
  let start = 0;
  return lengths.map((lengthBytes) => {
    const piece = bytes.subarray(start, (start += lengthBytes));
    return { lengthBytes, sha256: createHash('sha256').update(piece).digest('hex') };
  });
}

const image: ImageFiles = {
  rootImagePath: join(directory, 'root.img'),
  bootFiles: [
    { path: 'small', content: { kind: 'bytes', bytes: small } },
    { path: 'vmlinuz', content: { kind: 'path', path: join(directory, 'kernel'), sizeBytes: 300 } },
  ],
  manifest: {
    root: { sizeBytes: 1000, sha256: '', chunks: cut(root, [600, 400]) },
    bootFiles: [
      { path: 'vmlinuz', sizeBytes: 300, sha256: '', chunks: cut(kernel, [100, 200]) },
      { path: 'small', sizeBytes: 10, sha256: '', chunks: cut(small, [10]) },
    ],
  },
};

test('compressedChunks sends the chunks that are asked for, of the root image and of boot files', async () => {
  const lengths: number[] = [];
  const stream = await buffer(compressedChunks(image, [1, 3, 4], (length) => lengths.push(length)));
  const decoder = new ChunkStreamDecoder();
  const chunks = [...decoder.push(zstdDecompressSync(stream))].map(({ index, bytes }) => [
    index,
    Buffer.from(bytes),
  ]);
  decoder.end();
  assert.deepEqual(chunks, [
    [1, root.subarray(600)],
    [3, kernel.subarray(100)],
    [4, small],
  ]);
  assert.deepEqual(lengths, [400, 200, 10]);
});

test('compressedChunks fails when a file is not there any more, or a chunk never was', async () => {
  const gone = { ...image, rootImagePath: join(directory, 'gone') };
  await assert.rejects(buffer(compressedChunks(gone, [0], () => undefined)), /ENOENT/);
  await assert.rejects(buffer(compressedChunks(image, [5], () => undefined)), RangeError);
});
