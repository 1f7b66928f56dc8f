// Reads one file of a FAT volume and of the FAT only the sectors that lead to it: a boot partition's FAT has 512 KiB,
// which takes an SD card 25 ms at a moment of the boot when everything waits for it. volume.ts reads it whole.

import type { ByteSource } from '../byte-source.ts';
import { entriesPerFatSector, isCluster } from './boot-sector.ts';
import { type DirectoryEntry, isDirectory } from './directory.ts';
import { splitPath } from './names.ts';
import { FatTable } from './table.ts';
import { clustersOf, extentsOf, FatPathError, findEntry, readDirectory, readExtents } from './tree.ts';
import { readGeometry } from './volume.ts';

/** Throws SyntaxError for a damaged volume, RangeError for a file of more than `maxBytes`, FatPathError. */
export async function readFatFile(source: ByteSource, path: string, maxBytes: number): Promise<Uint8Array> {
  const table = await SparseTable.open(source);
  const components = splitPath(path);
  let entry: DirectoryEntry | undefined;
  for (const [depth, name] of components.entries()) {
    await table.load(entry?.firstCluster ?? table.geometry.rootCluster);
    const directory = await readDirectory(source, table, entry, components.slice(0, depth).join('/') || '/');
    entry = findEntry(directory, name);
    if (entry === undefined) throw new FatPathError('ENOENT', 'read', path, 'it does not exist');
    if (depth < components.length - 1 && !isDirectory(entry)) {
      throw new FatPathError('ENOTDIR', 'read', path, `"${name}" is not a directory`);
    }
  }
  if (entry === undefined || isDirectory(entry)) {
    throw new FatPathError('EISDIR', 'read', path, 'it is a directory');
  }
  if (entry.sizeBytes > maxBytes) {
    throw new RangeError(`Cannot read "${path}": it has ${entry.sizeBytes} bytes, over ${maxBytes}`);
  }
  await table.load(entry.firstCluster);
  return readExtents(source, extentsOf(table.geometry, clustersOf(table, entry, path), entry.sizeBytes));
}

/** A FAT of which only what `load` was asked for is there. */
class SparseTable extends FatTable {
  readonly #source: ByteSource;
  readonly #loaded = new Set<number>();

  private constructor(source: ByteSource, ...table: ConstructorParameters<typeof FatTable>) {
    super(...table);
    this.#source = source;
  }

  static async open(source: ByteSource): Promise<SparseTable> {
    const geometry = await readGeometry(source);
    return new SparseTable(source, geometry, new Uint8Array(geometry.fatBytes));
  }

  /** The chain from `first` on, as far as it is sound; `chain` says what is wrong with it. */
  async load(first: number): Promise<void> {
    const { geometry } = this;
    let cluster = first;
    for (let count = 0; isCluster(geometry, cluster) && count < geometry.clusterCount; count++) {
      await this.#loadSector(Math.floor(cluster / entriesPerFatSector(geometry)));
      cluster = this.get(cluster);
    }
  }

  async #loadSector(sector: number): Promise<void> {
    if (this.#loaded.has(sector)) return;
    const { sectorBytes, fatOffsetBytes, fatBytes, activeFat } = this.geometry;
    const offset = sector * sectorBytes;
    const start = fatOffsetBytes + (activeFat ?? 0) * fatBytes;
    this.bytes.set(await this.#source.read(start + offset, sectorBytes), offset);
    this.#loaded.add(sector);
  }
}
