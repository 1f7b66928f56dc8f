import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { sampleBytes } from '../../../test/support/formats/squashfs-image.ts';
import { zlibCompressor } from './zlib-compressor.ts';

test('zlibCompressor makes what zlib inflates, at every level and of every size', async () => {
  for (const level of [1, 6, 9]) {
    const compress = zlibCompressor(level);
    for (const block of [sampleBytes(1), sampleBytes(4096), sampleBytes(131_072), randomBytes(65_536)]) {
      assert.deepEqual(new Uint8Array(inflateSync(await compress(block))), new Uint8Array(block));
    }
  }
});

test('zlibCompressor returns something longer for a block that cannot be compressed', async () => {
  const block = randomBytes(131_072);
  assert.ok((await zlibCompressor()(block)).length > block.length);
});
