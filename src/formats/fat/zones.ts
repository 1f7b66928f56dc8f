// Zones: top-level directories that are changed without touching what others need, so that a power cut while
// slot b is written cannot hurt slot a. Which cluster belongs to whom is found by walking the tree; nothing is
// recorded on the volume.
//
// What a power cut can spoil is the sector being written. A FAT sector maps 128 or 256 clusters, so a zone must
// have all of them, or none. And a "sector" is what the medium rewrites at once: 4096 bytes on today's
// disks and flash, whatever they pretend. That many bytes of the FAT are a granule here, the unit in which
// clusters belong to a zone - or one FAT sector, on volumes whose FAT was not aligned for it.

import type { ByteSource } from '../byte-source.ts';
import { fatEntryBytes, type FatGeometry, isCluster } from './boot-sector.ts';
import { type DirectoryEntry, isDirectory } from './directory.ts';
import { BAD_CLUSTER, damaged, END_OF_CHAIN, type FatTable, FREE } from './table.ts';
import { clustersOf, readDirectory } from './tree.ts';

export const GRANULE_BYTES = 4096;

export function clustersPerGranule(geometry: FatGeometry): number {
  const { fatOffsetBytes, fatBytes, sectorBytes } = geometry;
  const aligned = fatOffsetBytes % GRANULE_BYTES === 0 && fatBytes % GRANULE_BYTES === 0;
  return (aligned ? GRANULE_BYTES : sectorBytes) / fatEntryBytes(geometry);
}

/** Who has a cluster. What the tree does not reach is nobody's, even if the FAT says it is in use. */
export const OWNER = { nobody: 0, zone: 1, others: 2 } as const;
export type Owner = (typeof OWNER)[keyof typeof OWNER];

/** Clusters of one zone, of everything else, and of nobody. */
export class ZoneMap {
  readonly geometry: FatGeometry;
  readonly clustersPerGranule: number;
  readonly #owners: Uint8Array;
  readonly #zoneCounts: Uint32Array;
  readonly #otherCounts: Uint32Array;

  constructor(geometry: FatGeometry) {
    this.geometry = geometry;
    this.clustersPerGranule = clustersPerGranule(geometry);
    this.#owners = new Uint8Array(geometry.clusterCount + 2);
    const granules = Math.ceil((geometry.clusterCount + 2) / this.clustersPerGranule);
    this.#zoneCounts = new Uint32Array(granules);
    this.#otherCounts = new Uint32Array(granules);
    // The first two entries are the volume's own.
    this.#otherCounts[0] = 2;
  }

  owner(cluster: number): Owner {
    return this.#owners[cluster] as Owner;
  }

  setOwner(cluster: number, owner: Owner): void {
    const granule = this.granuleOf(cluster);
    const before = this.owner(cluster);
    if (before === OWNER.zone) this.#zoneCounts[granule]! -= 1;
    if (before === OWNER.others) this.#otherCounts[granule]! -= 1;
    this.#owners[cluster] = owner;
    if (owner === OWNER.zone) this.#zoneCounts[granule]! += 1;
    if (owner === OWNER.others) this.#otherCounts[granule]! += 1;
  }

  granuleOf(cluster: number): number {
    return Math.floor(cluster / this.clustersPerGranule);
  }

  /** The FAT sectors that map `cluster` map nothing of others: the zone may write them. */
  isApart(cluster: number): boolean {
    return this.#otherCounts[this.granuleOf(cluster)] === 0;
  }

  /** Whether the cluster is apart (isApart), and the zone is there already. */
  isOwn(cluster: number): boolean {
    return this.isApart(cluster) && this.#zoneCounts[this.granuleOf(cluster)]! > 0;
  }
}

interface Visit {
  entry: DirectoryEntry | undefined;
  path: string;
  owner: Owner;
}

/** Claims the whole chain of an entry, also what goes beyond a file's size. */
function claimChain(table: FatTable, map: ZoneMap, firstCluster: number, visit: Visit): void {
  let cluster = firstCluster;
  while (cluster !== END_OF_CHAIN) {
    if (!isCluster(table.geometry, cluster)) {
      throw damaged(`the clusters of "/${visit.path}" continue at ${cluster}`);
    }
    if (map.owner(cluster) !== OWNER.nobody) {
      throw damaged(`cluster ${cluster} of "/${visit.path}" belongs to something else, too`);
    }
    map.setOwner(cluster, visit.owner);
    cluster = table.get(cluster);
    if (cluster === FREE || cluster === BAD_CLUSTER) {
      throw damaged(`the clusters of "/${visit.path}" have no end`);
    }
  }
}

/**
 * Walks the whole volume. Throws SyntaxError at any damage: clusters that look free may not be so then.
 * `passOver` leaves out what is inside the zone, so that a damaged one can be emptied.
 */
export async function surveyZones(
  source: ByteSource,
  table: FatTable,
  isZone: (topLevelEntry: DirectoryEntry) => boolean,
  passOver: boolean,
): Promise<ZoneMap> {
  const { geometry } = table;
  const map = new ZoneMap(geometry);
  if (geometry.type === 'fat32') {
    claimChain(table, map, geometry.rootCluster, { entry: undefined, path: '', owner: OWNER.others });
  }
  const pending: Visit[] = [{ entry: undefined, path: '', owner: OWNER.others }];
  // Ends because every directory has clusters of its own, and none is claimed twice.
  for (let visit = pending.pop(); visit; visit = pending.pop()) {
    const directory = await readDirectory(source, table, visit.entry, visit.path);
    for (const entry of directory.entries) {
      const atTop = visit.entry === undefined;
      const zone = atTop && isZone(entry);
      if (zone && passOver) continue;
      const child: Visit = {
        entry,
        path: atTop ? entry.name : `${visit.path}/${entry.name}`,
        owner: zone ? OWNER.zone : visit.owner,
      };
      if (entry.firstCluster !== 0) claimChain(table, map, entry.firstCluster, child);
      // The call says when the chain is too short, too.
      clustersOf(table, entry, child.path);
      if (isDirectory(entry)) pending.push(child);
    }
  }
  return map;
}
