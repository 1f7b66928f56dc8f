// The chunk list of a root image. Borders follow squashfs block borders, so that an unchanged file gives
// unchanged chunks wherever it lies; a device then fetches only the chunks that it has nowhere on its disk.

import { createHash } from 'node:crypto';
import type { ByteSource } from '../../formats/byte-source.ts';
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

/** Hashes the chunks and the whole image in one pass. */
export async function hashChunks(
  image: ByteSource,
  borders: readonly number[],
): Promise<{ sha256: string; chunks: ManifestChunk[] }> {
  const whole = createHash('sha256');
  const chunks: ManifestChunk[] = [];
  for (const [index, start] of borders.slice(0, -1).entries()) {
    const lengthBytes = borders[index + 1]! - start;
    const chunk = createHash('sha256');
    for (let done = 0; done < lengthBytes; done += READ_BYTES) {
      const bytes = await image.read(start + done, Math.min(READ_BYTES, lengthBytes - done));
      chunk.update(bytes);
      whole.update(bytes);
    }
    chunks.push({ lengthBytes, sha256: chunk.digest('hex') });
  }
  return { sha256: whole.digest('hex'), chunks };
}

const READ_BYTES = 1024 * 1024;
