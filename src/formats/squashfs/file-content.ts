// The content of files in an image: data blocks, blocks of zeros that are not stored, and the tail or the
// whole small file in a fragment block.

import { inflate } from 'node:zlib';
import type { ByteSource } from '../byte-source.ts';
import type { FileLayout } from './inode.ts';
import { MetadataTable } from './metadata.ts';
import {
  BLOCK_SIZE_MASK,
  BLOCK_UNCOMPRESSED,
  FRAGMENT_ENTRY_SIZE,
  METADATA_SIZE,
  type Superblock,
} from './superblock.ts';

const BLOCKS_AT_ONCE = 8;
const CACHED_FRAGMENTS = 8;

interface ImageData {
  source: ByteSource;
  superblock: Superblock;
  fragments: FragmentBlocks;
}

/** The content as a source. Reads no more than the blocks that the asked-for range touches. */
export function openFileContent(image: ImageData, layout: FileLayout): ByteSource {
  const { blockSizeBytes } = image.superblock;
  const { blockWords, sizeBytes } = layout;
  const starts = blockStarts(layout, image.superblock);
  const blockOf = async (index: number): Promise<Uint8Array | undefined> => {
    if (index >= blockWords.length) return image.fragments.tail(layout);
    const word = blockWords[index]!;
    if (word === 0) return undefined;
    const rawBytes = Math.min(blockSizeBytes, sizeBytes - index * blockSizeBytes);
    const block = await readBlock(image, starts[index]!, word);
    if (block.length === rawBytes) return block;
    throw new SyntaxError(`Cannot read data block ${index}: it has ${block.length} bytes, not ${rawBytes}`);
  };
  return {
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      const endBytes = offsetBytes + lengthBytes;
      if (offsetBytes < 0 || lengthBytes < 0 || endBytes > sizeBytes) {
        throw new RangeError(`Cannot read ${lengthBytes} bytes at ${offsetBytes}: there are ${sizeBytes}`);
      }
      const bytes = new Uint8Array(lengthBytes);
      const copyBlock = async (index: number): Promise<void> => {
        const block = await blockOf(index);
        const blockAt = index * blockSizeBytes;
        const from = Math.max(0, offsetBytes - blockAt);
        // What is not stored is zero already.
        if (block) bytes.set(block.subarray(from, endBytes - blockAt), blockAt + from - offsetBytes);
      };
      const last = lengthBytes === 0 ? -1 : Math.floor((endBytes - 1) / blockSizeBytes);
      for (let index = Math.floor(offsetBytes / blockSizeBytes); index <= last; index += BLOCKS_AT_ONCE) {
        const count = Math.min(BLOCKS_AT_ONCE, last - index + 1);
        await Promise.all(Array.from({ length: count }, (_, i) => copyBlock(index + i)));
      }
      return bytes;
    },
  };
}

/** Checks the whole list at once: before anyone makes room for a content that cannot be there. */
function blockStarts(
  { startBytes, blockWords }: FileLayout,
  { blockSizeBytes, bytesUsed }: Superblock,
): Float64Array {
  const starts = new Float64Array(blockWords.length);
  let at = startBytes;
  for (const [i, word] of blockWords.entries()) {
    const storedBytes = word & BLOCK_SIZE_MASK;
    starts[i] = at;
    at += storedBytes;
    if (storedBytes > blockSizeBytes || at > bytesUsed) {
      throw new SyntaxError(
        `Cannot read data block ${i}: ${storedBytes} bytes at ${starts[i]} of ${bytesUsed}`,
      );
    }
  }
  return starts;
}

async function readBlock(
  { source, superblock }: Pick<ImageData, 'source' | 'superblock'>,
  startBytes: number,
  word: number,
): Promise<Uint8Array> {
  const { blockSizeBytes, bytesUsed } = superblock;
  const storedBytes = word & BLOCK_SIZE_MASK;
  if (storedBytes > blockSizeBytes || startBytes + storedBytes > bytesUsed) {
    throw new SyntaxError(`Cannot read the block at ${startBytes}: its size is said to be ${storedBytes}`);
  }
  const stored = await source.read(startBytes, storedBytes);
  if (word & BLOCK_UNCOMPRESSED) return stored;
  return new Promise((resolve, reject) => {
    // Room for the whole block at once saves round trips through the thread pool.
    const options = { maxOutputLength: blockSizeBytes, chunkSize: blockSizeBytes + 64 };
    inflate(stored, options, (cause, block) => {
      if (!cause) resolve(block);
      else
        reject(new SyntaxError(`Cannot read the block at ${startBytes}: zlib cannot inflate it`, { cause }));
    });
  });
}

/** The fragment blocks of an image; the last few stay inflated, because neighbours share them. */
export class FragmentBlocks {
  readonly #source: ByteSource;
  readonly #superblock: Superblock;
  readonly #table: MetadataTable;
  readonly #cache = new Map<number, Promise<Uint8Array>>();

  constructor(source: ByteSource, superblock: Superblock) {
    this.#source = source;
    this.#superblock = superblock;
    this.#table = new MetadataTable(source, 0, superblock.bytesUsed);
  }

  /** What of a file is not in its blocks. */
  async tail({ fragment, sizeBytes }: FileLayout): Promise<Uint8Array> {
    const { index, offset } = fragment!;
    const tailBytes = sizeBytes % this.#superblock.blockSizeBytes;
    const block = await this.#block(index);
    if (offset + tailBytes <= block.length) return block.subarray(offset, offset + tailBytes);
    throw new SyntaxError(
      `Cannot read ${tailBytes} bytes at ${offset} of fragment ${index}: it has ${block.length} bytes`,
    );
  }

  async #block(index: number): Promise<Uint8Array> {
    let block = this.#cache.get(index);
    if (!block) {
      block = this.#load(index);
      this.#cache.set(index, block);
      if (this.#cache.size > CACHED_FRAGMENTS) {
        for (const oldest of this.#cache.keys()) {
          this.#cache.delete(oldest);
          break;
        }
      }
    }
    return block;
  }

  async #load(index: number): Promise<Uint8Array> {
    const { fragmentCount, fragmentTableStart, bytesUsed } = this.#superblock;
    const perBlock = METADATA_SIZE / FRAGMENT_ENTRY_SIZE;
    const pointerAt = fragmentTableStart + Math.floor(index / perBlock) * 8;
    if (index >= fragmentCount || pointerAt + 8 > bytesUsed) {
      throw new SyntaxError(`Cannot read fragment ${index}: the image has ${fragmentCount}`);
    }
    const pointer = await this.#source.read(pointerAt, 8);
    const blockStart = Number(new DataView(pointer.buffer, pointer.byteOffset, 8).getBigUint64(0, true));
    const offset = (index % perBlock) * FRAGMENT_ENTRY_SIZE;
    const entry = await this.#table.cursor({ blockStart, offset }).view(FRAGMENT_ENTRY_SIZE);
    const startBytes = Number(entry.getBigUint64(0, true));
    return readBlock(
      { source: this.#source, superblock: this.#superblock },
      startBytes,
      entry.getUint32(8, true),
    );
  }
}
