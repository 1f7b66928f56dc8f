// File content on its way into clusters, in pieces: a kernel is never held in memory.

import { type ByteSink, type ByteSource, readInto } from '../byte-source.ts';
import type { Extent } from './tree.ts';

const CHUNK_BYTES = 1024 * 1024;

export async function writeZeros(device: ByteSink, offsetBytes: number, lengthBytes: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(lengthBytes, CHUNK_BYTES));
  for (let done = 0; done < lengthBytes; done += zeros.length) {
    await device.write(offsetBytes + done, zeros.subarray(0, Math.min(zeros.length, lengthBytes - done)));
  }
}

/**
 * Fills `extents` with `content`, and what is left of them with zeros: boot loaders that read whole sectors
 * (gokrazy's reads its command line so) find nothing behind a file.
 */
export async function writeContent(
  device: ByteSink,
  extents: readonly Extent[],
  content: ByteSource,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, content.sizeBytes));
  let position = 0;
  for (const { offsetBytes, lengthBytes } of extents) {
    const end = Math.min(position + lengthBytes, content.sizeBytes);
    for (let from = position; from < end; from += CHUNK_BYTES) {
      const piece = buffer.subarray(0, Math.min(CHUNK_BYTES, end - from));
      await readInto(content, from, piece);
      await device.write(offsetBytes + from - position, piece);
    }
    const filled = end - position;
    await writeZeros(device, offsetBytes + filled, lengthBytes - filled);
    position += filled;
  }
}
