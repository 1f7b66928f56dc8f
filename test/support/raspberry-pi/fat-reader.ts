// Reads a FAT16 or FAT32 volume as the firmware has to: by names, from the first FAT. It shares no code with src/formats/fat.
// Microsoft, "FAT32 File System Specification" 1.03; names in UCS-2 are pieced together as section 7 ("Long Directory
// Entries") has it. FAT12 is refused: the EEPROM knows it for RAM disks only (rpi-eeprom, release notes of 2021-06-17).

import type { ByteSource } from '../../../src/formats/byte-source.ts';
import { type BootPartition, SECTOR_BYTES } from './boot-partition.ts';
import { FirmwareStop } from './firmware-stop.ts';

const ENTRY_BYTES = 32;
const ATTRIBUTE = { volumeLabel: 0x08, directory: 0x10, longName: 0x0f } as const;
const MIN_FAT16_CLUSTERS = 4085;
const MIN_FAT32_CLUSTERS = 65_525;

export interface FatEntry {
  name: string;
  isDirectory: boolean;
  firstCluster: number;
  sizeBytes: number;
}

interface Geometry {
  kind: 16 | 32;
  clusterBytes: number;
  clusterCount: number;
  fatStart: number;
  rootStart: number;
  rootBytes: number;
  rootCluster: number;
  dataStart: number;
}

export class FatReader {
  readonly #source: ByteSource;
  readonly #geometry: Geometry;
  readonly #fatSectors = new Map<number, Buffer>();
  readonly #directories = new Map<number, readonly FatEntry[]>();

  private constructor(source: ByteSource, geometry: Geometry) {
    this.#source = source;
    this.#geometry = geometry;
  }

  static async open(disk: ByteSource, { firstSector }: BootPartition): Promise<FatReader> {
    const start = firstSector * SECTOR_BYTES;
    const sector = Buffer.from(await disk.read(start, SECTOR_BYTES));
    return new FatReader(disk, geometryOf(sector, start));
  }

  /** Undefined: there is none. Names are not case-sensitive. */
  async find(path: string): Promise<FatEntry | undefined> {
    const names = path.split('/').filter((name) => name !== '');
    let found: FatEntry | undefined = { name: '', isDirectory: true, firstCluster: 0, sizeBytes: 0 };
    for (const name of names) {
      if (!found?.isDirectory) return undefined;
      const entries: readonly FatEntry[] = await this.#list(found.firstCluster);
      found = entries.find((entry) => entry.name.toLowerCase() === name.toLowerCase());
    }
    return found;
  }

  async isFile(path: string): Promise<boolean> {
    return (await this.find(path))?.isDirectory === false;
  }

  /** Undefined: there is no such file. `limitBytes`: no more than so much of its beginning. */
  async readFile(path: string, limitBytes = Infinity): Promise<Buffer | undefined> {
    const found = await this.find(path);
    if (!found || found.isDirectory) return undefined;
    const sizeBytes = Math.min(found.sizeBytes, limitBytes);
    const { clusterBytes } = this.#geometry;
    const chain = await this.#chain(found.firstCluster, Math.ceil(sizeBytes / clusterBytes));
    const bytes = Buffer.alloc(chain.length * clusterBytes);
    for (let from = 0; from < chain.length;) {
      let to = from + 1;
      while (to < chain.length && chain[to] === chain[to - 1]! + 1) to++;
      const run = await this.#source.read(this.#clusterStart(chain[from]!), (to - from) * clusterBytes);
      bytes.set(run, from * clusterBytes);
      from = to;
    }
    if (bytes.length < sizeBytes)
      throw new FirmwareStop(`"${path}" ends before its ${sizeBytes} bytes`, 'a read error');
    return bytes.subarray(0, sizeBytes);
  }

  /** Cluster 0 is the root. */
  async #list(firstCluster: number): Promise<readonly FatEntry[]> {
    const known = this.#directories.get(firstCluster);
    if (known) return known;
    const entries = parseDirectory(await this.#readDirectory(firstCluster), this.#geometry.kind);
    this.#directories.set(firstCluster, entries);
    return entries;
  }

  async #readDirectory(firstCluster: number): Promise<Buffer> {
    const { kind, rootStart, rootBytes, rootCluster, clusterBytes } = this.#geometry;
    if (firstCluster === 0 && kind === 16) return Buffer.from(await this.#source.read(rootStart, rootBytes));
    const chain = await this.#chain(firstCluster === 0 ? rootCluster : firstCluster);
    const parts = chain.map((cluster) => this.#source.read(this.#clusterStart(cluster), clusterBytes));
    return Buffer.concat(await Promise.all(parts));
  }

  /** Ends at the end mark, after `limit` clusters, or where it leads outside of the volume. */
  async #chain(firstCluster: number, limit = this.#geometry.clusterCount): Promise<number[]> {
    const { kind, clusterCount } = this.#geometry;
    const endMark = kind === 16 ? 0xfff8 : 0x0ffffff8;
    const chain: number[] = [];
    for (let cluster = firstCluster; chain.length < limit; cluster = await this.#next(cluster)) {
      if (cluster >= endMark) break;
      if (cluster < 2 || cluster >= clusterCount + 2)
        throw new FirmwareStop(`a chain of clusters leads to ${cluster}`, 'a read error');
      chain.push(cluster);
    }
    return chain;
  }

  async #next(cluster: number): Promise<number> {
    const { kind, fatStart } = this.#geometry;
    const at = cluster * (kind / 8);
    const number = Math.floor(at / SECTOR_BYTES);
    let sector = this.#fatSectors.get(number);
    if (!sector) {
      sector = Buffer.from(await this.#source.read(fatStart + number * SECTOR_BYTES, SECTOR_BYTES));
      this.#fatSectors.set(number, sector);
    }
    const inSector = at % SECTOR_BYTES;
    return kind === 16 ? sector.readUInt16LE(inSector) : sector.readUInt32LE(inSector) & 0x0fffffff;
  }

  #clusterStart(cluster: number): number {
    return this.#geometry.dataStart + (cluster - 2) * this.#geometry.clusterBytes;
  }
}

/** Section 3.1: BPB_BytsPerSec u16 @11, SecPerClus u8 @13, RsvdSecCnt u16 @14, NumFATs u8 @16, RootEntCnt u16 @17, ... */
function geometryOf(sector: Buffer, start: number): Geometry {
  if (sector.readUInt16LE(510) !== 0xaa55 || sector.readUInt16LE(11) !== SECTOR_BYTES || sector[13] === 0)
    throw new FirmwareStop(
      'the boot partition is no FAT with sectors of 512 bytes',
      'no boot partition is found',
    );
  const clusterSectors = sector[13]!;
  const fatStart = sector.readUInt16LE(14);
  const fatSectors = sector.readUInt16LE(22) || sector.readUInt32LE(36);
  const rootStart = fatStart + sector[16]! * fatSectors;
  const rootSectors = Math.ceil((sector.readUInt16LE(17) * ENTRY_BYTES) / SECTOR_BYTES);
  const sectorCount = sector.readUInt16LE(19) || sector.readUInt32LE(32);
  const clusterCount = Math.floor((sectorCount - rootStart - rootSectors) / clusterSectors);
  if (clusterCount < MIN_FAT16_CLUSTERS)
    throw new FirmwareStop('the boot partition is a FAT12', 'no boot partition is found');
  const kind = clusterCount < MIN_FAT32_CLUSTERS ? 16 : 32;
  return {
    kind,
    clusterBytes: clusterSectors * SECTOR_BYTES,
    clusterCount,
    fatStart: start + fatStart * SECTOR_BYTES,
    rootStart: start + rootStart * SECTOR_BYTES,
    rootBytes: rootSectors * SECTOR_BYTES,
    rootCluster: kind === 32 ? sector.readUInt32LE(44) : 0,
    dataStart: start + (rootStart + rootSectors) * SECTOR_BYTES,
  };
}

/** Section 6: name @0, attributes @11, cluster u16 @20 (high half, FAT32) and @26, size u32 @28. */
function parseDirectory(bytes: Buffer, kind: 16 | 32): FatEntry[] {
  const entries: FatEntry[] = [];
  let long: { text: string; checksum: number } | undefined;
  for (let at = 0; at + ENTRY_BYTES <= bytes.length && bytes[at] !== 0; at += ENTRY_BYTES) {
    const entry = bytes.subarray(at, at + ENTRY_BYTES);
    const attributes = entry[11]!;
    const isDeleted = entry[0] === 0xe5;
    if (!isDeleted && (attributes & 0x3f) === ATTRIBUTE.longName) {
      const rest: string = long?.checksum === entry[13] && (entry[0]! & 0x40) === 0 ? (long?.text ?? '') : '';
      long = { text: piecesOf(entry) + rest, checksum: entry[13]! };
      continue;
    }
    const name: string = long?.checksum === shortChecksum(entry) ? long.text : shortName(entry);
    long = undefined;
    if (isDeleted || (attributes & ATTRIBUTE.volumeLabel) !== 0) continue;
    const high = kind === 32 ? entry.readUInt16LE(20) : 0;
    entries.push({
      name,
      isDirectory: (attributes & ATTRIBUTE.directory) !== 0,
      firstCluster: high * 0x10000 + entry.readUInt16LE(26),
      sizeBytes: entry.readUInt32LE(28),
    });
  }
  return entries;
}

/** Five characters @1, six @14, two @28; the name ends at a NUL. */
function piecesOf(entry: Buffer): string {
  const text = [entry.subarray(1, 11), entry.subarray(14, 26), entry.subarray(28, 32)]
    .map((part) => part.toString('utf16le'))
    .join('');
  return text.split('\0')[0]!;
}

function shortChecksum(entry: Buffer): number {
  let sum = 0;
  for (const byte of entry.subarray(0, 11)) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}

function shortName(entry: Buffer): string {
  const base = entry.toString('latin1', 0, 8).trimEnd();
  const extension = entry.toString('latin1', 8, 11).trimEnd();
  return extension === '' ? base : `${base}.${extension}`;
}
