// The chunk list of a root image. Borders follow squashfs block borders, so that an unchanged file gives
// unchanged chunks wherever it lies; a device then fetches only the chunks that it has nowhere on its disk.

import { createHash } from 'node:crypto';
import { type ByteSource, readInto } from '../../formats/byte-source.ts';
import type { SquashfsResult } from '../../formats/squashfs/writer.ts';
import type { ManifestChunk } from '../../shared/manifest/manifest.ts';

/** A chunk closes at the next border after so many bytes. 64 KiB keeps the list of a 50 MB image near 800 entries. */
const TARGET_CHUNK_BYTES = 64 * 1024;

/** Offsets at which the image is cut: every border of a file, and block borders within large ones. */
export function chunkBorders(result: SquashfsResult): number[] {
  const borders = new Set<number>([0]);
  for (const { offsetBytes, lengthBytes, blockBytes } of result.extents) {
    borders.add(offsetBytes);
    let start = offsetBytes;
    let position = offsetBytes;
    for (const bytes of blockBytes) {
      position += bytes;
      if (position - start < TARGET_CHUNK_BYTES) continue;
      borders.add(position);
      start = position;
    }
    borders.add(offsetBytes + lengthBytes);
  }
  borders.add(result.sizeBytes);
  return [...borders].filter((border) => border <= result.sizeBytes).toSorted((a, b) => a - b);
}

/** Read at once: more than a chunk, so that the reading itself costs little. */
const PIECE_BYTES = 1024 * 1024;

/** Hashes the chunks and the whole image in one pass. */
export async function hashChunks(
  image: ByteSource,
  borders: readonly number[],
): Promise<{ sha256: string; chunks: ManifestChunk[] }> {
  const whole = createHash('sha256');
  const chunks: ManifestChunk[] = [];
  let chunk = createHash('sha256');
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, image.sizeBytes));
  for (let at = 0; at < image.sizeBytes; at += buffer.length) {
    const piece = buffer.subarray(0, image.sizeBytes - at);
    await readInto(image, at, piece);
    whole.update(piece);
    let done = 0;
    for (const [index, end] of borders.entries().drop(chunks.length + 1)) {
      if (end > at + piece.length) break;
      chunk.update(piece.subarray(done, end - at));
      chunks.push({ lengthBytes: end - borders[index - 1]!, sha256: chunk.digest('hex') });
      chunk = createHash('sha256');
      done = end - at;
    }
    chunk.update(piece.subarray(done));
  }
  return { sha256: whole.digest('hex'), chunks };
}
