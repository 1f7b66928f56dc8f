// Metadata blocks: the 8 KiB pieces in which the inode, directory, fragment and id tables are stored.
// Ours are stored raw. What that costs: 0.4 MB on a tree of 10,000 files, nothing worth naming on a small
// one. What it buys: positions are arithmetic instead of depending on how well everything before them
// compressed, so a changed inode changes its own bytes and moves no other; and the kernel inflates nothing
// to look up a name. The reader takes both kinds.

import { inflateSync } from 'node:zlib';
import type { ByteSource } from '../byte-source.ts';
import { METADATA_SIZE, type MetadataRef } from './superblock.ts';

const HEADER_SIZE = 2;
const STORED_RAW = 0x8000;
const CACHED_BLOCKS = 256;

/** Reference to the byte at `position` of a table's raw bytes once the table is framed. */
export function metadataRef(position: number): MetadataRef {
  const offset = position % METADATA_SIZE;
  return { blockStart: ((position - offset) / METADATA_SIZE) * (HEADER_SIZE + METADATA_SIZE), offset };
}

/** A table's bytes, cut into metadata blocks. */
export function frameMetadata(raw: Uint8Array): Uint8Array {
  const blockCount = Math.ceil(raw.length / METADATA_SIZE);
  const framed = new Uint8Array(raw.length + blockCount * HEADER_SIZE);
  const view = new DataView(framed.buffer);
  for (let i = 0; i < blockCount; i++) {
    const block = raw.subarray(i * METADATA_SIZE, (i + 1) * METADATA_SIZE);
    const at = i * (HEADER_SIZE + METADATA_SIZE);
    view.setUint16(at, STORED_RAW | block.length, true);
    framed.set(block, at + HEADER_SIZE);
  }
  return framed;
}

/** Lengths of the metadata blocks in a table that `frameMetadata` made. */
export function framedLengths(framed: Uint8Array): number[] {
  const fullBytes = HEADER_SIZE + METADATA_SIZE;
  const count = Math.ceil(framed.length / fullBytes);
  return Array.from({ length: count }, (_, i) => Math.min(fullBytes, framed.length - i * fullBytes));
}

interface MetadataBlock {
  bytes: Uint8Array;
  nextBlockStart: number;
}

/** A table of metadata blocks between `startBytes` and `endBytes` of the image. */
export class MetadataTable {
  readonly #source: ByteSource;
  readonly #startBytes: number;
  readonly #endBytes: number;
  /** Blocks by block start; the one used longest ago comes first. */
  readonly #cache = new Map<number, MetadataBlock>();
  readonly #loaded = new Set<number>();
  /** Uncompressed size of all blocks that were ever asked for, each counted once. */
  loadedBytes = 0;

  constructor(source: ByteSource, startBytes: number, endBytes: number) {
    this.#source = source;
    this.#startBytes = startBytes;
    this.#endBytes = endBytes;
  }

  cursor(ref: MetadataRef): MetadataCursor {
    return new MetadataCursor(this, ref);
  }

  async block(blockStart: number): Promise<MetadataBlock> {
    const cached = this.#cache.get(blockStart);
    const block = cached ?? (await this.#load(blockStart));
    if (!this.#loaded.has(blockStart)) {
      this.#loaded.add(blockStart);
      this.loadedBytes += block.bytes.length;
    }
    this.#cache.delete(blockStart);
    this.#cache.set(blockStart, block);
    if (this.#cache.size > CACHED_BLOCKS) {
      for (const oldest of this.#cache.keys()) {
        this.#cache.delete(oldest);
        break;
      }
    }
    return block;
  }

  async #load(blockStart: number): Promise<MetadataBlock> {
    const start = this.#startBytes + blockStart;
    const available = this.#endBytes - start;
    if (available < HEADER_SIZE) throw damaged(start, `its table ends at ${this.#endBytes}`);
    // One read gets header and data; most often it gets too much, which costs less than a second read.
    const bytes = await this.#source.read(start, Math.min(available, HEADER_SIZE + METADATA_SIZE));
    const header = bytes[0]! | (bytes[1]! << 8);
    const size = header & ~STORED_RAW;
    if (size === 0 || size > METADATA_SIZE || HEADER_SIZE + size > available) {
      throw damaged(start, `its size is ${size}, its table ends at ${this.#endBytes}`);
    }
    const stored = bytes.subarray(HEADER_SIZE, HEADER_SIZE + size);
    const nextBlockStart = blockStart + HEADER_SIZE + size;
    if (header & STORED_RAW) return { bytes: stored, nextBlockStart };
    try {
      return { bytes: inflateSync(stored, { maxOutputLength: METADATA_SIZE }), nextBlockStart };
    } catch (cause) {
      throw damaged(start, 'zlib cannot inflate it to at most 8192 bytes', cause);
    }
  }
}

function damaged(start: number, problem: string, cause?: unknown): SyntaxError {
  return new SyntaxError(`Cannot read the metadata block at ${start}: ${problem}`, { cause });
}

/** Reads on from a place in a table, across the borders of its blocks. */
export class MetadataCursor {
  readonly #table: MetadataTable;
  #blockStart: number;
  #offset: number;
  /** The block at `#blockStart`, once it was needed. */
  #block: MetadataBlock | undefined;

  constructor(table: MetadataTable, ref: MetadataRef) {
    this.#table = table;
    this.#blockStart = ref.blockStart;
    this.#offset = ref.offset;
  }

  get position(): MetadataRef {
    return { blockStart: this.#blockStart, offset: this.#offset };
  }

  /** Nothing is allocated before it is known to be there: a damaged length fails at the table's end. */
  async read(lengthBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = lengthBytes;
    while (missing > 0) {
      const block = this.#block ?? (await this.#table.block(this.#blockStart));
      const { length } = block.bytes;
      if (this.#offset > length) {
        throw new SyntaxError(`Cannot read metadata at byte ${this.#offset} of a block of ${length} bytes`);
      }
      const part = this.#take(block, Math.min(missing, length - this.#offset));
      if (part.length > 0) parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  async view(lengthBytes: number): Promise<DataView> {
    return viewOf(await this.read(lengthBytes));
  }

  /**
   * The same without waiting, if the block at hand holds it all; a directory of 10,000 entries takes 50,000 reads,
   * and a promise for each would be most of the work.
   */
  readLoaded(lengthBytes: number): Uint8Array | undefined {
    if (!this.#block || this.#offset + lengthBytes > this.#block.bytes.length) return undefined;
    return this.#take(this.#block, lengthBytes);
  }

  viewLoaded(lengthBytes: number): DataView | undefined {
    const bytes = this.readLoaded(lengthBytes);
    return bytes && viewOf(bytes);
  }

  #take(block: MetadataBlock, lengthBytes: number): Uint8Array {
    const bytes = block.bytes.subarray(this.#offset, this.#offset + lengthBytes);
    this.#offset += lengthBytes;
    this.#block = block;
    if (this.#offset === block.bytes.length) {
      this.#offset = 0;
      this.#blockStart = block.nextBlockStart;
      this.#block = undefined;
    }
    return bytes;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
