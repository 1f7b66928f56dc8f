// The numbers under which host and device speak of a manifest's chunks (update-api.ts): counted through, those of
// the root image first, then those of each boot file in the manifest's order.

import { MAX_CHUNK_BYTES } from '../../formats/chunk-stream.ts';
import type { Manifest, ManifestChunk, ManifestFile } from './manifest.ts';

export interface NumberedChunk extends ManifestChunk {
  index: number;
  /** One of `manifest.bootFiles`; null: the root image. */
  file: ManifestFile | null;
  /** Offset in the root image or the file. */
  offsetBytes: number;
}

/** `chunks[i].index === i`. Throws SyntaxError when the lengths do not add up, or a chunk is too long to be sent. */
export function numberChunks(manifest: Pick<Manifest, 'root' | 'bootFiles'>): NumberedChunk[] {
  const numbered: NumberedChunk[] = [];
  for (const file of [null, ...manifest.bootFiles]) {
    const { chunks, sizeBytes } = file ?? manifest.root;
    let offsetBytes = 0;
    for (const { lengthBytes, sha256 } of chunks) {
      if (!Number.isInteger(lengthBytes) || lengthBytes < 1 || lengthBytes > MAX_CHUNK_BYTES) {
        throw new SyntaxError(
          `Cannot use the manifest: a chunk of ${nameOf(file)} has ${lengthBytes} bytes, not 1 to ${MAX_CHUNK_BYTES}`,
        );
      }
      numbered.push({ index: numbered.length, file, offsetBytes, lengthBytes, sha256 });
      offsetBytes += lengthBytes;
    }
    if (offsetBytes !== sizeBytes) {
      throw new SyntaxError(
        `Cannot use the manifest: the chunks of ${nameOf(file)} have ${offsetBytes} bytes, not ${sizeBytes}`,
      );
    }
  }
  return numbered;
}

function nameOf(file: ManifestFile | null): string {
  return file === null ? 'the root image' : `"${file.path}"`;
}
