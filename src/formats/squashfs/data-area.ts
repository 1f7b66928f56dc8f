// The data area: the blocks of all files, in input order, so that what comes first stays where it is when
// something later changes.
// - A file of at least one block is stored in blocks of its own, the short last one included: all of its
//   bytes lie together and depend on nothing else, so that they can be kept packed between builds.
// - A smaller file shares a fragment block with neighbours of its layer. Where a fragment block ends is
//   decided by paths, not only by how full it is: a file that grows then re-packs its own block and
//   perhaps the next, not all that follow.
// - A block of zeros is not stored. A file seen before is not stored again: large ones anywhere before,
//   small ones in the same layer only, because layers share no fragment block.

import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { crc32 } from 'node:zlib';
import type { ByteSink } from '../byte-source.ts';
import { BlockOutput, type StoredBlock } from './block-output.ts';
import { ByteBudget } from './byte-budget.ts';
import type { SquashfsFile } from './entries.ts';
import type { FileLayout } from './inode.ts';
import {
  type DataAreaOptions,
  fitsFile,
  prepareFiles,
  type PackedFile,
  type PreparedFile,
  READ_BYTES,
  readContent,
  requireKey,
  sha256,
} from './prepared-files.ts';
import { BLOCK_SIZE_MASK, BLOCK_UNCOMPRESSED } from './superblock.ts';

/** A run of the image between two places at which it may be cut. */
export interface Extent {
  /** The file whose blocks these are; null for fragment blocks and metadata. */
  path: string | null;
  offsetBytes: number;
  lengthBytes: number;
  /** Sizes of the blocks that make it up. */
  blockBytes: readonly number[];
}

export interface DataArea {
  layouts: ReadonlyMap<SquashfsFile, FileLayout>;
  fragments: readonly { startBytes: number; word: number }[];
  extents: readonly Extent[];
  endBytes: number;
}

/** Enough that neither the compressor's threads nor the sink wait for the next block. */
const BLOCKS_IN_FLIGHT = Math.max(16, 2 * availableParallelism());
/** A file whose blocks take more than this is not offered to the cache: they are collected in memory. */
const MAX_PACKED_BYTES = 512 * 1024 * 1024;
const PUT_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

export async function writeDataArea(
  files: readonly SquashfsFile[],
  sink: ByteSink,
  startBytes: number,
  options: DataAreaOptions,
): Promise<DataArea> {
  const writer = new DataAreaWriter(sink, startBytes, options);
  try {
    for await (const prepared of prepareFiles(files, options)) await writer.add(prepared);
    return await writer.finish();
  } finally {
    // Nobody writes to the sink or the cache once this is over, after a failure neither.
    await writer.settle();
  }
}

interface OpenFragment {
  index: number;
  sizeBytes: number;
  parts: Uint8Array[];
}

class DataAreaWriter {
  readonly #options: DataAreaOptions;
  readonly #output: BlockOutput;
  readonly #layouts = new Map<SquashfsFile, FileLayout>();
  readonly #fragments: { startBytes: number; word: number }[] = [];
  readonly #extents: Extent[] = [];
  readonly #largeFiles = new Map<string, FileLayout>();
  readonly #smallFiles = new Map<string, FileLayout>();
  readonly #puts: Promise<void>[] = [];
  readonly #putBudget = new ByteBudget(PUT_BYTES_IN_FLIGHT);
  #layer: string | undefined;
  #open: OpenFragment | undefined;
  #fragmentCount = 0;

  constructor(sink: ByteSink, startBytes: number, options: DataAreaOptions) {
    this.#options = options;
    this.#output = new BlockOutput(sink, startBytes, BLOCKS_IN_FLIGHT * options.blockSizeBytes);
  }

  async add(prepared: PreparedFile): Promise<void> {
    const { file, key, bytes } = prepared;
    if (file.layer !== this.#layer) {
      await this.#closeFragment();
      this.#smallFiles.clear();
      this.#layer = file.layer;
    }
    const seen = bytes ? this.#smallFiles : this.#largeFiles;
    const duplicate = key === undefined ? undefined : seen.get(key);
    const layout = duplicate ?? emptyLayout(file.content.sizeBytes, this.#options.blockSizeBytes);
    this.#layouts.set(file, layout);
    if (duplicate || file.content.sizeBytes === 0) return;
    if (key !== undefined) seen.set(key, layout);
    if (bytes) await this.#addToFragment(file.path, bytes, layout);
    else await this.#addBlocks(prepared, layout);
  }

  async finish(): Promise<DataArea> {
    await this.#closeFragment();
    const endBytes = await this.#output.finish();
    await Promise.all(this.#puts);
    return {
      layouts: this.#layouts,
      fragments: this.#fragments,
      extents: this.#extents,
      endBytes,
    };
  }

  async settle(): Promise<void> {
    await this.#output.settle();
    await Promise.allSettled(this.#puts);
  }

  async #addBlocks({ file, key, packed }: PreparedFile, layout: FileLayout): Promise<void> {
    this.#output.whenReached((position) => {
      layout.startBytes = position;
    });
    const collected: Uint8Array[] | undefined =
      key !== undefined && this.#options.packed && !packed ? [] : undefined;
    if (packed) await this.#copyPacked(packed, layout);
    else await this.#compressBlocks(file, key, layout, collected);
    this.#output.whenReached(async (position) => {
      const blockBytes = [...layout.blockWords]
        .filter((word) => word !== 0)
        .map((word) => word & BLOCK_SIZE_MASK);
      const { startBytes } = layout;
      if (position > startBytes) {
        this.#extents.push({
          path: file.path,
          offsetBytes: startBytes,
          lengthBytes: position - startBytes,
          blockBytes,
        });
      }
      if (collected && key !== undefined && position - startBytes <= MAX_PACKED_BYTES) {
        await this.#put(key, { blockWords: layout.blockWords, data: Buffer.concat(collected) });
      }
    });
  }

  async #copyPacked({ blockWords, data }: PackedFile, layout: FileLayout): Promise<void> {
    const { blockSizeBytes } = this.#options;
    layout.blockWords.set(blockWords);
    for (const [i, word] of blockWords.entries()) {
      if (word === 0) layout.sparseBytes += Math.min(blockSizeBytes, layout.sizeBytes - i * blockSizeBytes);
    }
    await this.#output.add(
      data.length,
      async () => ({ word: 0, bytes: data }),
      () => {},
    );
  }

  async #compressBlocks(
    file: SquashfsFile,
    key: string | undefined,
    layout: FileLayout,
    collected: Uint8Array[] | undefined,
  ): Promise<void> {
    const { blockSizeBytes } = this.#options;
    const readBytes = Math.max(READ_BYTES, blockSizeBytes);
    const hash = key === undefined ? undefined : createHash('sha256');
    let collectedBytes = 0;
    const { sizeBytes } = layout;
    for (let at = 0; at < sizeBytes; at += readBytes) {
      const bytes = await readContent(file, at, Math.min(readBytes, sizeBytes - at));
      hash?.update(bytes);
      for (let start = 0; start < bytes.length; start += blockSizeBytes) {
        const block = bytes.subarray(start, start + blockSizeBytes);
        const index = (at + start) / blockSizeBytes;
        if (isZero(block)) {
          layout.sparseBytes += block.length; // Its word is 0 already.
          continue;
        }
        await this.#output.add(
          block.length,
          () => this.#compress(block),
          (stored) => {
            layout.blockWords[index] = stored.word;
            collectedBytes += stored.bytes.length;
            if (!collected) return;
            // A copy: the compressor's buffer is as large as the block was.
            if (collectedBytes <= MAX_PACKED_BYTES) collected.push(stored.bytes.slice());
            else collected.length = 0;
          },
        );
      }
    }
    if (hash && key !== undefined) requireKey(file, key, hash.digest('hex'));
  }

  async #compress(block: Uint8Array): Promise<StoredBlock> {
    const compressed = await this.#options.compress(block);
    if (compressed.length < block.length) return { word: compressed.length, bytes: compressed };
    return { word: block.length | BLOCK_UNCOMPRESSED, bytes: block };
  }

  async #addToFragment(path: string, bytes: Uint8Array, layout: FileLayout): Promise<void> {
    const { blockSizeBytes } = this.#options;
    if (this.#open && this.#open.sizeBytes + bytes.length > blockSizeBytes) await this.#closeFragment();
    const open = (this.#open ??= { index: this.#fragmentCount++, sizeBytes: 0, parts: [] });
    layout.fragment = { index: open.index, offset: open.sizeBytes };
    open.parts.push(bytes);
    open.sizeBytes += bytes.length;
    // True once in a block's worth of bytes on average, and of a file whatever its neighbours are.
    if (crc32(path) % blockSizeBytes < bytes.length) await this.#closeFragment();
  }

  async #closeFragment(): Promise<void> {
    if (!this.#open) return;
    const { index, parts } = this.#open;
    this.#open = undefined;
    const block = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    await this.#output.add(
      block.length,
      () => this.#packFragment(block),
      ({ word, bytes }, startBytes) => {
        this.#fragments[index] = { startBytes, word };
        const lengthBytes = bytes.length;
        this.#extents.push({ path: null, offsetBytes: startBytes, lengthBytes, blockBytes: [lengthBytes] });
      },
    );
  }

  /** The cache takes a fragment block for a file of one block. */
  async #packFragment(block: Uint8Array): Promise<StoredBlock> {
    const { packed, blockSizeBytes } = this.#options;
    if (!packed) return this.#compress(block);
    const key = sha256(block);
    const hit = await packed.get(key);
    const hitWord = hit && fitsFile(hit, block.length, blockSizeBytes) ? hit.blockWords[0]! : 0;
    // The word of a fragment of zeros may not be 0, so such a one is compressed.
    if (hit && hitWord !== 0) return { word: hitWord, bytes: hit.data };
    const stored = await this.#compress(block);
    await this.#put(key, { blockWords: Uint32Array.of(stored.word), data: stored.bytes });
    return stored;
  }

  /** Resolves when the cache has begun to write, so that it cannot fall behind without limit. */
  async #put(key: string, file: PackedFile): Promise<void> {
    const sizeBytes = file.data.length;
    await this.#putBudget.acquire(sizeBytes);
    const put = this.#options.packed!.put(key, file).finally(() => this.#putBudget.release(sizeBytes));
    put.catch(() => {}); // Seen by `finish`.
    this.#puts.push(put);
  }
}

function emptyLayout(sizeBytes: number, blockSizeBytes: number): FileLayout {
  const blockCount = sizeBytes < blockSizeBytes ? 0 : Math.ceil(sizeBytes / blockSizeBytes);
  return { sizeBytes, startBytes: 0, blockWords: new Uint32Array(blockCount), sparseBytes: 0 };
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(block: Uint8Array): boolean {
  for (let at = 0; at < block.length; at += ZEROS.length) {
    const part = block.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}
