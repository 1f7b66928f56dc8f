// What the source slot has that the new image may need, and files put together from where their chunks are.

import { type ByteSource, readInto } from '../../formats/byte-source.ts';
import { numberChunks } from '../../shared/manifest/chunk-index.ts';
import type { Manifest, ManifestChunk, ManifestFile } from '../../shared/manifest/manifest.ts';
import type { ChunkLibrary, WantedChunk } from './chunk-plan.ts';
import type { ChunkPlace } from './place-record.ts';
import { openSlotFiles, readSlotManifest } from './slot-directory.ts';
import type { UpdateDisk } from './update-disk.ts';

/** Root image and boot files of the source slot, by its manifest. A slot without one has nothing to offer. */
export async function sourceLibraries({ boot, source, sourceRoot }: UpdateDisk): Promise<ChunkLibrary[]> {
  const manifest = await readSlotManifest(boot, source);
  if (!manifest) return [];
  const paths = manifest.bootFiles.map(({ path }) => path);
  const files = await openSlotFiles(boot, source, paths);
  const bootFiles = manifest.bootFiles.flatMap(({ path, chunks }) => {
    const content = files.get(path);
    return content ? [{ content, chunks: placesOf(chunks) }] : [];
  });
  return [{ content: sourceRoot, chunks: rootPlaces(manifest) }, ...bootFiles];
}

/** Places where an image of this manifest has its chunks. */
export function rootPlaces({ root }: Manifest): ChunkPlace[] {
  return placesOf(root.chunks);
}

function placesOf(chunks: readonly ManifestChunk[]): ChunkPlace[] {
  let endBytes = 0;
  return chunks.map(({ sha256, lengthBytes }) => {
    endBytes += lengthBytes;
    return { sha256, lengthBytes, offsetBytes: endBytes - lengthBytes };
  });
}

/** The boot files of a manifest as the sums of their chunks, each read from where it is then. */
export function bootFilesFromChunks(
  manifest: Manifest,
  byNumber: readonly WantedChunk[],
): (ManifestFile & { content: ByteSource })[] {
  const numbered = Map.groupBy(numberChunks(manifest), ({ file }) => file);
  return manifest.bootFiles.map((file) => {
    const chunks = (numbered.get(file) ?? []).map(({ index, offsetBytes }) => ({
      startBytes: offsetBytes,
      chunk: byNumber[index]!,
    }));
    return { ...file, content: sourceOfChunks(chunks, file.sizeBytes) };
  });
}

interface PlacedChunk {
  /** Offset in the file. */
  startBytes: number;
  chunk: WantedChunk;
}

function sourceOfChunks(chunks: readonly PlacedChunk[], sizeBytes: number): ByteSource {
  async function fill(offsetBytes: number, target: Uint8Array): Promise<void> {
    const endBytes = offsetBytes + target.length;
    if (offsetBytes < 0 || endBytes > sizeBytes) {
      throw new RangeError(`Cannot read ${target.length} bytes at ${offsetBytes}: there are ${sizeBytes}`);
    }
    for (const { startBytes, chunk } of chunks) {
      const from = Math.max(offsetBytes, startBytes);
      const to = Math.min(endBytes, startBytes + chunk.lengthBytes);
      if (from >= to) continue;
      const { source, offsetBytes: placeBytes } = chunk.place!;
      const part = target.subarray(from - offsetBytes, to - offsetBytes);
      await readInto(source, placeBytes + from - startBytes, part);
    }
  }
  return {
    sizeBytes,
    readInto: fill,
    async read(offsetBytes, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      await fill(offsetBytes, bytes);
      return bytes;
    },
  };
}
