// The clusters of a zone while it is being changed: free ones found, taken and given back, and the FAT sectors
// that say so written. What the directories say, and in which order it all happens, is editor.ts's part.

import type { ByteDevice } from '../byte-source.ts';
import { entriesPerFatSector, type FatGeometry, forgetFreeSpace } from './boot-sector.ts';
import { FatSpaceError } from './layout.ts';
import { BAD_CLUSTER, END_OF_CHAIN, type FatTable, FREE, readFatCopy } from './table.ts';
import { OWNER, type ZoneMap } from './zones.ts';

/** A change would have to rewrite a sector that others need, too. Nothing was written for it. */
export class FatSharedError extends Error {
  constructor(path: string, what: string) {
    super(`Cannot change "${path}" on the FAT volume without rewriting what others need: ${what}`);
  }
}

export class ZoneClusters {
  readonly #device: ByteDevice;
  readonly #geometry: FatGeometry;
  readonly #table: FatTable;
  readonly #map: ZoneMap;
  readonly #mayShare: boolean;
  /** Behind the last cluster's number. */
  readonly #end: number;
  #freeSpaceForgotten = false;
  #keptApart = true;

  private constructor(device: ByteDevice, table: FatTable, map: ZoneMap, mayShare: boolean) {
    this.#device = device;
    this.#geometry = table.geometry;
    this.#end = table.geometry.clusterCount + 2;
    this.#table = table;
    this.#map = map;
    this.#mayShare = mayShare;
  }

  /** Writes nothing yet, but notes what earlier power cuts left, to be mended along with the first change. */
  static async open(
    device: ByteDevice,
    table: FatTable,
    map: ZoneMap,
    mayShare: boolean,
  ): Promise<ZoneClusters> {
    const clusters = new ZoneClusters(device, table, map, mayShare);
    for (const cluster of clusters.#lost()) {
      if (clusters.#mayWrite(cluster)) table.set(cluster, FREE);
    }
    await clusters.#noteDifferences();
    return clusters;
  }

  get keptApart(): boolean {
    return this.#keptApart;
  }

  get availableBytes(): number {
    let count = 0;
    for (let cluster = 2; cluster < this.#end; cluster++) if (this.#mayTake(cluster)) count++;
    return count * this.#geometry.clusterBytes;
  }

  /** Whether there are clusters in use that nothing refers to, and that cannot be cleaned for being shared. */
  get hasLost(): boolean {
    return this.#lost().next().done !== true;
  }

  *#lost(): Generator<number> {
    for (let cluster = 2; cluster < this.#end; cluster++) {
      if (this.#map.owner(cluster) !== OWNER.nobody) continue;
      const value = this.#table.get(cluster);
      if (value !== FREE && value !== BAD_CLUSTER) yield cluster;
    }
  }

  #mayWrite(cluster: number): boolean {
    return this.#mayShare || this.#map.isApart(cluster);
  }

  #mayTake(cluster: number): boolean {
    return this.#mayWrite(cluster) && this.#table.get(cluster) === FREE;
  }

  /** The first copy of the FAT counts where copies differ. */
  async #noteDifferences(): Promise<void> {
    const { activeFat, fatCopies, sectorBytes } = this.#geometry;
    if (activeFat !== undefined) return;
    const perSector = entriesPerFatSector(this.#geometry);
    for (let copy = 1; copy < fatCopies; copy++) {
      const bytes = await readFatCopy(this.#device, this.#geometry, copy);
      for (let sector = 0; sector * perSector < this.#end; sector++) {
        if (!this.#mayWrite(sector * perSector)) continue;
        const start = sector * sectorBytes;
        const counts = this.#table.bytes.subarray(start, start + sectorBytes);
        if (Buffer.compare(bytes.subarray(start, start + sectorBytes), counts) !== 0) {
          this.#table.dirtySectors.add(sector);
        }
      }
    }
  }

  /** Throws FatSharedError unless the FAT entries of all these clusters may be rewritten. */
  demandApart(clusters: readonly number[], path: string): void {
    const shared = clusters.find((cluster) => !this.#mayWrite(cluster));
    if (shared === undefined) return;
    throw new FatSharedError(path, `cluster ${shared} shares its FAT sector with something outside the zone`);
  }

  /** A directory sector outside the zone is going to be rewritten. */
  requireSharing(path: string, what: string): void {
    if (!this.#mayShare) throw new FatSharedError(path, what);
    this.#keptApart = false;
  }

  /**
   * Free clusters for the zone, nothing marked yet: in a row if possible, and rather where the zone is already
   * than in a granule that is still anybody's. Throws FatSpaceError when there are not enough.
   */
  find(count: number, path: string): number[] {
    const own = (cluster: number): boolean => this.#map.isOwn(cluster);
    const apart = (cluster: number): boolean => this.#map.isApart(cluster);
    const found = this.#row(count, own) ?? this.#row(count, apart) ?? this.#pieces(count, apart);
    if (found) return found;
    const anywhere = this.#mayShare ? this.#pieces(count, () => true) : undefined;
    if (anywhere) return anywhere;
    const needed = count * this.#geometry.clusterBytes;
    const excessBytes = needed - this.availableBytes;
    const shared = this.#table.countFree() * this.#geometry.clusterBytes - this.availableBytes;
    const elsewhere = shared > 0 ? ` (${shared} more are free, but share FAT sectors with others)` : '';
    throw new FatSpaceError(
      `Cannot write "${path}" to the FAT volume: it needs ${excessBytes} bytes more than its zone can get${elsewhere}`,
      excessBytes,
    );
  }

  #row(count: number, suits: (cluster: number) => boolean): number[] | undefined {
    if (count === 0) return [];
    let length = 0;
    let previous = 0;
    for (const cluster of this.#freeOnes(suits)) {
      length = cluster === previous + 1 ? length + 1 : 1;
      previous = cluster;
      if (length === count) return Array.from({ length }, (_, i) => cluster - count + 1 + i);
    }
    return undefined;
  }

  #pieces(count: number, suits: (cluster: number) => boolean): number[] | undefined {
    const found: number[] = [];
    for (const cluster of this.#freeOnes(suits)) {
      found.push(cluster);
      if (found.length === count) return found;
    }
    return undefined;
  }

  /** In order. `suits` says the same about all clusters of a granule, so that those of others are passed over as one. */
  *#freeOnes(suits: (cluster: number) => boolean): Generator<number> {
    const { clustersPerGranule } = this.#map;
    for (let first = 0; first < this.#end; first += clustersPerGranule) {
      if (!suits(first)) continue;
      const end = Math.min(first + clustersPerGranule, this.#end);
      for (let cluster = Math.max(2, first); cluster < end; cluster++) {
        if (this.#table.get(cluster) === FREE) yield cluster;
      }
    }
  }

  /** Marks free clusters as the zone's, in one chain. */
  async take(clusters: readonly number[]): Promise<void> {
    this.claim(clusters);
    await this.write();
  }

  /** The same, but for the writing. */
  claim(clusters: readonly number[]): void {
    for (const [i, cluster] of clusters.entries()) {
      this.#map.setOwner(cluster, OWNER.zone);
      this.#table.set(cluster, clusters[i + 1] ?? END_OF_CHAIN);
    }
  }

  /** Lengthens a chain by a cluster that has been taken and is on the medium already. */
  async append(lastCluster: number, cluster: number): Promise<void> {
    this.#table.set(lastCluster, cluster);
    await this.write();
  }

  async release(clusters: readonly number[]): Promise<void> {
    for (const cluster of clusters) {
      this.#map.setOwner(cluster, OWNER.nobody);
      this.#table.set(cluster, FREE);
    }
    await this.write();
  }

  /** Writes all changed FAT sectors, or only the one that maps `onlyCluster`, to all copies. */
  async write(onlyCluster?: number): Promise<void> {
    const { sectorBytes, fatOffsetBytes, fatBytes, fatCopies, activeFat } = this.#geometry;
    const perSector = entriesPerFatSector(this.#geometry);
    const { dirtySectors, bytes } = this.#table;
    const sectors =
      onlyCluster === undefined
        ? [...dirtySectors].sort((x, y) => x - y)
        : [Math.floor(onlyCluster / perSector)];
    if (sectors.length > 0) await this.#forgetFreeSpace();
    for (let copy = activeFat ?? 0; copy <= (activeFat ?? fatCopies - 1); copy++) {
      for (const sector of sectors) {
        const start = sector * sectorBytes;
        await this.#device.write(
          fatOffsetBytes + copy * fatBytes + start,
          bytes.subarray(start, start + sectorBytes),
        );
      }
    }
    for (const sector of sectors) {
      if (!this.#map.isApart(sector * perSector)) this.#keptApart = false;
      dirtySectors.delete(sector);
    }
  }

  /** FSInfo's numbers would get wrong; only volumes that another system wrote to have any. */
  async #forgetFreeSpace(): Promise<void> {
    const { fsInfoOffsetBytes, sectorBytes } = this.#geometry;
    if (this.#freeSpaceForgotten || fsInfoOffsetBytes === undefined) return;
    const sector = forgetFreeSpace(await this.#device.read(fsInfoOffsetBytes, sectorBytes));
    if (sector) await this.#device.write(fsInfoOffsetBytes, sector);
    this.#freeSpaceForgotten = true;
  }
}
