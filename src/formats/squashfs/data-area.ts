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
import { crc32 } from 'node:zlib';
import type { ByteSink, ByteSource } from '../byte-source.ts';
import { BlockOutput, type StoredBlock } from './block-output.ts';
import { ByteBudget } from './byte-budget.ts';
import type { SquashfsFile } from './entries.ts';
import type { FileLayout } from './inode.ts';
import { BLOCK_SIZE_MASK, BLOCK_UNCOMPRESSED } from './superblock.ts';

/** A file's blocks, compressed: what a cache keeps of it. Depends on the block size and the compressor. */
export interface PackedFile {
  /** Size words as in the inode, `BLOCK_UNCOMPRESSED` (bit 24) included; 0 = a block of zeros. */
  blockWords: Uint32Array;
  data: Uint8Array;
}
export interface PackedFileStore {
  get(key: string): Promise<PackedFile | undefined>;
  put(key: string, file: PackedFile): Promise<void>;
}

export interface DataAreaOptions {
  blockSizeBytes: number;
  compress: (block: Uint8Array) => Promise<Uint8Array>;
  packed: PackedFileStore | undefined;
}

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

const READ_BYTES = 1024 * 1024;
const BLOCKS_IN_FLIGHT = 16;
/** Contents of coming files that are read ahead, and how many at most. */
const AHEAD_BYTES = 16 * 1024 * 1024;
const AHEAD_FILES = 64;
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
  const prepare = preparer(files, options);
  for await (const prepared of prepareAhead(files, prepare)) await writer.add(prepared);
  return writer.finish();
}

/** A file with all that is read of it before its turn comes. */
interface PreparedFile {
  file: SquashfsFile;
  /** Two files with equal keys have equal content. */
  key: string | undefined;
  /** Of a file smaller than a block. */
  bytes?: Uint8Array;
  packed?: PackedFile | undefined;
}

function preparer(
  files: readonly SquashfsFile[],
  { blockSizeBytes, packed }: DataAreaOptions,
): (file: SquashfsFile) => Promise<PreparedFile> {
  const sizes = new Map<number, number>();
  for (const { content } of files) sizes.set(content.sizeBytes, (sizes.get(content.sizeBytes) ?? 0) + 1);
  const asked = new Set<string>();
  return async (file) => {
    const { content, contentKey } = file;
    if (content.sizeBytes === 0) return { file, key: undefined };
    if (content.sizeBytes < blockSizeBytes) {
      const bytes = await content.read(0, content.sizeBytes);
      return { file, key: contentKey ?? sha256(bytes), bytes };
    }
    // Without a cache, a file that has no twin in size has no duplicate, and need not be read twice.
    const needsKey = packed !== undefined || sizes.get(content.sizeBytes)! > 1;
    const key = contentKey ?? (needsKey ? await sha256OfSource(content) : undefined);
    if (key === undefined || !packed || asked.has(key)) return { file, key };
    asked.add(key);
    const hit = await packed.get(key);
    return { file, key, packed: hit && fits(hit, content.sizeBytes, blockSizeBytes) ? hit : undefined };
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function sha256OfSource(source: ByteSource): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < source.sizeBytes; at += READ_BYTES) {
    hash.update(await source.read(at, Math.min(READ_BYTES, source.sizeBytes - at)));
  }
  return hash.digest('hex');
}

/** A packed file of another block size, or a damaged one, is as good as none. */
function fits({ blockWords, data }: PackedFile, sizeBytes: number, blockSizeBytes: number): boolean {
  if (blockWords.length !== Math.ceil(sizeBytes / blockSizeBytes)) return false;
  let stored = 0;
  for (const [i, word] of blockWords.entries()) {
    const rawBytes = Math.min(blockSizeBytes, sizeBytes - i * blockSizeBytes);
    const blockBytes = word & BLOCK_SIZE_MASK;
    if (word & BLOCK_UNCOMPRESSED ? blockBytes !== rawBytes : blockBytes >= rawBytes) return false;
    stored += blockBytes;
  }
  return stored === data.length;
}

/** In the order of `files`, a window of them being prepared at the same time. */
async function* prepareAhead(
  files: readonly SquashfsFile[],
  prepare: (file: SquashfsFile) => Promise<PreparedFile>,
): AsyncGenerator<PreparedFile> {
  const ahead: { promise: Promise<PreparedFile>; sizeBytes: number }[] = [];
  let aheadBytes = 0;
  let next = 0;
  const hasRoom = (sizeBytes: number): boolean =>
    ahead.length === 0 || (ahead.length < AHEAD_FILES && aheadBytes + sizeBytes <= AHEAD_BYTES);
  try {
    while (next < files.length || ahead.length > 0) {
      for (; next < files.length && hasRoom(files[next]!.content.sizeBytes); next++) {
        const file = files[next]!;
        const promise = prepare(file);
        promise.catch(() => {}); // Seen when its turn comes, unless a file before it has failed.
        ahead.push({ promise, sizeBytes: file.content.sizeBytes });
        aheadBytes += file.content.sizeBytes;
      }
      const { promise, sizeBytes } = ahead.shift()!;
      yield await promise;
      aheadBytes -= sizeBytes;
    }
  } finally {
    await Promise.allSettled(ahead.map(({ promise }) => promise));
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

  async #addBlocks({ file, key, packed }: PreparedFile, layout: FileLayout): Promise<void> {
    this.#output.whenReached((position) => {
      layout.startBytes = position;
    });
    const collected: Uint8Array[] | undefined =
      key !== undefined && this.#options.packed && !packed ? [] : undefined;
    if (packed) await this.#copyPacked(packed, layout);
    else await this.#compressBlocks(file.content, layout, collected);
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
    // Weighs nothing: it is in memory already.
    await this.#output.add(
      0,
      async () => ({ word: 0, bytes: data }),
      () => {},
    );
  }

  async #compressBlocks(
    content: ByteSource,
    layout: FileLayout,
    collected: Uint8Array[] | undefined,
  ): Promise<void> {
    const { blockSizeBytes } = this.#options;
    const readBytes = Math.max(READ_BYTES, blockSizeBytes);
    let collectedBytes = 0;
    for (let at = 0; at < content.sizeBytes; at += readBytes) {
      const bytes = await content.read(at, Math.min(readBytes, content.sizeBytes - at));
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

  /** To the cache, a fragment block is a file of one block. */
  async #packFragment(block: Uint8Array): Promise<StoredBlock> {
    const { packed, blockSizeBytes } = this.#options;
    if (!packed) return this.#compress(block);
    const key = sha256(block);
    const hit = await packed.get(key);
    const hitWord = hit && fits(hit, block.length, blockSizeBytes) ? hit.blockWords[0]! : 0;
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
