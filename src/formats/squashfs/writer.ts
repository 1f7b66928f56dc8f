// Writes a SquashFS 4.0 image (zlib). The bytes depend on the entries, their order and the compressor only.
// Layout: superblock, data area (data-area.ts), then inode, directory, fragment and id table, zeros up to
// `alignBytes`. Leaves out what our root images do not need: hard links, xattrs, the NFS export table.

import type { ByteSink } from '../byte-source.ts';
import { writeDataArea, type DataArea, type Extent } from './data-area.ts';
import { buildTree, type SquashfsEntry } from './entries.ts';
import {
  encodeSuperblock,
  MAX_BLOCK_SIZE,
  MIN_BLOCK_SIZE,
  SUPERBLOCK_FLAGS,
  SUPERBLOCK_SIZE,
} from './superblock.ts';
import type { PackedFileStore } from './prepared-files.ts';
import { encodeTables } from './tables.ts';

export type { Extent } from './data-area.ts';
export type { SquashfsDirectory, SquashfsEntry, SquashfsFile, SquashfsSymlink } from './entries.ts';

export type { PackedFile, PackedFileStore } from './prepared-files.ts';

export interface SquashfsOptions {
  /** A power of two from 4 KiB to 1 MiB; 128 KiB if absent. */
  blockSizeBytes?: number;
  /** Time of the image, and of a root directory that is not among the entries. */
  mtimeSec: number;
  /** Compresses one block with zlib; many run at once. */
  compress: (block: Uint8Array) => Promise<Uint8Array>;
  /** Keeps packed files between builds; its keys are SHA-256 in hex. One store per block size and compressor. */
  packed?: PackedFileStore;
  /** The image is padded to a multiple of this; 4096 if absent. */
  alignBytes?: number;
}

export interface SquashfsResult {
  sizeBytes: number;
  /** The whole image, ascending and without gaps: superblock, files, fragment blocks, metadata with padding. */
  extents: readonly Extent[];
}

/** Writes to `sink` in ascending order, the superblock last: a cut-off image is not taken for a whole one. */
export async function writeSquashfs(
  entries: readonly SquashfsEntry[],
  sink: ByteSink,
  options: SquashfsOptions,
): Promise<SquashfsResult> {
  const { blockSizeBytes = 128 * 1024, alignBytes = 4096, mtimeSec } = options;
  if (
    !Number.isInteger(Math.log2(blockSizeBytes)) ||
    blockSizeBytes < MIN_BLOCK_SIZE ||
    blockSizeBytes > MAX_BLOCK_SIZE
  ) {
    throw new RangeError(
      `Cannot write squashfs blocks of ${blockSizeBytes} bytes: not a power of two from 4 KiB to 1 MiB`,
    );
  }
  const tree = buildTree(entries, mtimeSec);
  const files = entries.filter((entry) => entry.kind === 'file');
  const dataOptions = { blockSizeBytes, compress: options.compress, packed: options.packed };
  const data = await writeDataArea(files, sink, SUPERBLOCK_SIZE, dataOptions);
  const { bytes, blockLengths, ...tables } = encodeTables(tree, data);
  const bytesUsed = data.endBytes + bytes.length;
  const sizeBytes = Math.ceil(bytesUsed / alignBytes) * alignBytes;
  const padding = new Uint8Array(sizeBytes - bytesUsed);
  await sink.write(data.endBytes, bytes);
  await sink.write(bytesUsed, padding);
  const { uncompressedInodes, uncompressedIds, noXattrs, duplicatesRemoved } = SUPERBLOCK_FLAGS;
  const superblock = encodeSuperblock({
    mtimeSec,
    blockSizeBytes,
    flags: uncompressedInodes | uncompressedIds | noXattrs | duplicatesRemoved,
    fragmentCount: data.fragments.length,
    bytesUsed,
    ...tables,
  });
  await sink.write(0, superblock);
  return { sizeBytes, extents: allExtents(data, sizeBytes, [...blockLengths, padding.length]) };
}

function allExtents(data: DataArea, sizeBytes: number, metadataBytes: number[]): Extent[] {
  const superblock = { offsetBytes: 0, lengthBytes: SUPERBLOCK_SIZE, blockBytes: [SUPERBLOCK_SIZE] };
  const metadata = {
    offsetBytes: data.endBytes,
    lengthBytes: sizeBytes - data.endBytes,
    blockBytes: metadataBytes.filter((lengthBytes) => lengthBytes > 0),
  };
  return [{ path: null, ...superblock }, ...data.extents, { path: null, ...metadata }];
}
