// Hashes of files on disk.

import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';

const PIECE_BYTES = 1024 * 1024;
const MIN_PIECE_BYTES = 1024;

/** Feeds the file through `hash` and returns it. A stream would take a whole piece of memory for each of many small files. */
export async function hashFile(path: string, hash: Hash): Promise<Hash> {
  await using file = await open(path);
  const { size } = await file.stat();
  // One that has grown meanwhile, or says no size, is read to its end all the same.
  const buffer = Buffer.allocUnsafe(Math.min(Math.max(size, MIN_PIECE_BYTES), PIECE_BYTES));
  for (;;) {
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) return hash;
    hash.update(buffer.subarray(0, bytesRead));
  }
}

export async function sha256OfFile(path: string): Promise<string> {
  return (await hashFile(path, createHash('sha256'))).digest('hex');
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
