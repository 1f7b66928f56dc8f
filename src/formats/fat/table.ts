// The file allocation table in memory: chains are followed here and changes collected sector by sector.
// The table is held whole (1 MiB maps 512 MiB of 2 KiB clusters), which is right for boot partitions, not for
// memory cards of hundreds of gigabytes.

import type { ByteSource } from '../byte-source.ts';
import { entriesPerFatSector, type FatGeometry, isCluster } from './boot-sector.ts';

/** A larger table is refused rather than read. */
const MAX_TABLE_BYTES = 128 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

export const FREE = 0;
/** Unlike the format's own values these are the same for FAT16 and FAT32. */
export const END_OF_CHAIN = 0x0fffffff;
export const BAD_CLUSTER = 0x0ffffff7;
const FIRST_END_OF_CHAIN = 0x0ffffff8;
const FIRST_RESERVED = 0x0ffffff0;

export function damaged(what: string): SyntaxError {
  return new SyntaxError(`The FAT volume is damaged: ${what}`);
}

/** The bytes of the FAT copy that counts. */
export async function readFatCopy(
  source: ByteSource,
  geometry: FatGeometry,
  copy = geometry.activeFat ?? 0,
): Promise<Uint8Array> {
  const { fatBytes } = geometry;
  if (fatBytes > MAX_TABLE_BYTES) {
    throw new RangeError(
      `Cannot read the FAT volume: its FAT has ${fatBytes} bytes, over ${MAX_TABLE_BYTES}`,
    );
  }
  const bytes = new Uint8Array(fatBytes);
  const start = geometry.fatOffsetBytes + copy * fatBytes;
  for (let offset = 0; offset < fatBytes; offset += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, fatBytes - offset);
    bytes.set(await source.read(start + offset, length), offset);
  }
  return bytes;
}

export class FatTable {
  readonly geometry: FatGeometry;
  readonly bytes: Uint8Array;
  /** Numbers of the FAT sectors changed since they were last written. */
  readonly dirtySectors = new Set<number>();
  readonly #view: DataView;
  readonly #entriesPerSector: number;

  constructor(geometry: FatGeometry, bytes: Uint8Array) {
    this.geometry = geometry;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#entriesPerSector = entriesPerFatSector(geometry);
  }

  /** The next cluster, FREE, BAD_CLUSTER, or END_OF_CHAIN. */
  get(cluster: number): number {
    if (this.geometry.type === 'fat32') {
      const value = this.#view.getUint32(cluster * 4, true) & 0x0fffffff;
      return value >= FIRST_END_OF_CHAIN ? END_OF_CHAIN : value;
    }
    const value = this.#view.getUint16(cluster * 2, true);
    // The reserved values of FAT16 are those of FAT32 without the upper bits.
    const wide = value >= (FIRST_RESERVED & 0xffff) ? 0x0fff0000 | value : value;
    return wide >= FIRST_END_OF_CHAIN ? END_OF_CHAIN : wide;
  }

  set(cluster: number, value: number): void {
    if (this.geometry.type === 'fat32') {
      // The upper four bits are not ours.
      const kept = this.#view.getUint32(cluster * 4, true) & 0xf0000000;
      this.#view.setUint32(cluster * 4, (kept | value) >>> 0, true);
    } else {
      this.#view.setUint16(cluster * 2, value & 0xffff, true);
    }
    this.dirtySectors.add(Math.floor(cluster / this.#entriesPerSector));
  }

  /** The two entries that are no clusters: the media byte, and "unmounted cleanly, no I/O errors". */
  setReserved(): void {
    this.set(0, 0x0fffff00 | 0xf8);
    this.set(1, END_OF_CHAIN);
  }

  /** Entries `first` to `first + count - 1` as one chain. */
  setRun(first: number, count: number): void {
    for (let i = 0; i < count; i++) {
      this.set(first + i, i === count - 1 ? END_OF_CHAIN : first + i + 1);
    }
  }

  /**
   * The clusters of a chain, at most `atMost` of them; `what` names it in errors. A loop cannot make it
   * longer than the volume has clusters.
   */
  chain(first: number, what: string, atMost = this.geometry.clusterCount + 1): number[] {
    const clusters: number[] = [];
    for (let cluster = first; cluster !== END_OF_CHAIN && clusters.length < atMost;) {
      if (!isCluster(this.geometry, cluster)) throw damaged(`${what} continues at cluster ${cluster}`);
      clusters.push(cluster);
      if (clusters.length > this.geometry.clusterCount) throw damaged(`${what} runs in a circle`);
      cluster = this.get(cluster);
    }
    return clusters;
  }

  countFree(): number {
    let count = 0;
    for (let cluster = 2; cluster < this.geometry.clusterCount + 2; cluster++) {
      if (this.get(cluster) === FREE) count++;
    }
    return count;
  }
}
