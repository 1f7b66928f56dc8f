// The compressed blocks of whole files, kept between builds: an unchanged Node.js binary is compressed
// once per machine. One file a key in the cache, written under a temporary name and renamed; what does not
// match its own checksum is taken for absent and made again.

import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackedFile, PackedFileStore } from '../../formats/squashfs/writer.ts';
import { noteUse } from './prune-packed-files.ts';
import { makeDirectory } from '../files/make-directory.ts';

/** Layout: SHA-256 of the rest (32 bytes), number of block words (u32 LE), the words, the data. */
const HASH_BYTES = 32;

/** Below this size compressing again is as fast as a file in the cache. */
const MIN_PACKED_BYTES = 8 * 1024;

export function packedFileDirectory(cacheDirectory: string, compressor: string): string {
  return join(cacheDirectory, 'packed', compressor);
}

export function packedFileStore(directory: string): PackedFileStore {
  return {
    async get(key) {
      const path = join(directory, key);
      const bytes = await readFile(path).catch(() => undefined);
      const file = bytes && decodePackedFile(bytes);
      if (file) await noteUse(path);
      return file;
    },
    async put(key, file) {
      if (file.data.length < MIN_PACKED_BYTES) return;
      const temporary = join(directory, `${key}.${process.pid}.tmp`);
      try {
        await makeDirectory(directory);
        await writeFile(temporary, encodePackedFile(file));
        await rename(temporary, join(directory, key));
      } catch {
        // A cache that cannot be written costs time, not the build.
        await rm(temporary, { force: true }).catch(() => undefined);
      }
    },
  };
}

export function encodePackedFile({ blockWords, data }: PackedFile): Uint8Array {
  const body = Buffer.alloc(4 + 4 * blockWords.length + data.length);
  body.writeUInt32LE(blockWords.length, 0);
  for (const [index, word] of blockWords.entries()) body.writeUInt32LE(word, 4 + 4 * index);
  body.set(data, 4 + 4 * blockWords.length);
  return Buffer.concat([createHash('sha256').update(body).digest(), body]);
}

/** `undefined` for anything that `encodePackedFile` did not make. */
export function decodePackedFile(bytes: Uint8Array): PackedFile | undefined {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).subarray(HASH_BYTES);
  const hash = createHash('sha256').update(body).digest();
  if (bytes.length < HASH_BYTES + 4 || hash.compare(bytes, 0, HASH_BYTES) !== 0) return undefined;
  const count = body.readUInt32LE(0);
  if (4 + 4 * count > body.length) return undefined;
  const blockWords = Uint32Array.from({ length: count }, (_, index) => body.readUInt32LE(4 + 4 * index));
  return { blockWords, data: body.subarray(4 + 4 * count) };
}
