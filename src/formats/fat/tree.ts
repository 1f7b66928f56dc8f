// Walking a FAT volume: directories with the places of their bytes, and paths resolved to entries.
// Reader and editor share it.

import type { ByteSource } from '../byte-source.ts';
import { clusterOffset, type FatGeometry } from './boot-sector.ts';
import { decodeDirectory, type DirectoryEntry, isDirectory, MAX_DIRECTORY_BYTES } from './directory.ts';
import { decodeShortName, foldName } from './names.ts';
import { damaged, type FatTable } from './table.ts';

/** A stretch of a volume, in bytes from its start. */
export interface Extent {
  offsetBytes: number;
  lengthBytes: number;
}

export interface Directory {
  bytes: Uint8Array;
  /** Empty for FAT16's root, which has a place of its own. */
  clusters: readonly number[];
  entries: readonly DirectoryEntry[];
}

/** Errors that a caller may want to tell apart carry Node's code for the same thing. */
export class FatPathError extends Error {
  readonly code: 'ENOENT' | 'ENOTDIR' | 'EISDIR' | 'ENOTEMPTY';

  constructor(code: FatPathError['code'], act: string, path: string, state: string) {
    super(`Cannot ${act} "${path}" on the FAT volume: ${state}`);
    this.code = code;
  }
}

/** Neighbouring clusters joined; `lengthBytes` may end inside the last cluster. */
export function extentsOf(
  geometry: FatGeometry,
  clusters: readonly number[],
  lengthBytes = clusters.length * geometry.clusterBytes,
): Extent[] {
  const extents: Extent[] = [];
  let left = lengthBytes;
  for (const cluster of clusters) {
    const length = Math.min(left, geometry.clusterBytes);
    if (length === 0) break;
    const offsetBytes = clusterOffset(geometry, cluster);
    const last = extents.at(-1);
    if (last && last.offsetBytes + last.lengthBytes === offsetBytes) last.lengthBytes += length;
    else extents.push({ offsetBytes, lengthBytes: length });
    left -= length;
  }
  return extents;
}

export async function readExtents(source: ByteSource, extents: readonly Extent[]): Promise<Uint8Array> {
  const bytes = new Uint8Array(extents.reduce((sum, extent) => sum + extent.lengthBytes, 0));
  let position = 0;
  for (const { offsetBytes, lengthBytes } of extents) {
    bytes.set(await source.read(offsetBytes, lengthBytes), position);
    position += lengthBytes;
  }
  return bytes;
}

/** The clusters of a file's or directory's data; `path` names it in errors. */
export function clustersOf(table: FatTable, entry: DirectoryEntry, path: string): number[] {
  if (isDirectory(entry)) return directoryClusters(table, entry.firstCluster, path);
  const needed = Math.ceil(entry.sizeBytes / table.geometry.clusterBytes);
  if (needed === 0) return [];
  const clusters = table.chain(entry.firstCluster, `file "${path}"`, needed);
  if (clusters.length < needed) throw damaged(`file "${path}" ends before its size`);
  return clusters;
}

function directoryClusters(table: FatTable, firstCluster: number, path: string): number[] {
  const { clusterBytes } = table.geometry;
  const most = Math.max(1, Math.floor(MAX_DIRECTORY_BYTES / clusterBytes));
  const clusters = table.chain(firstCluster, `directory "${path}"`, most + 1);
  if (clusters.length > most) throw damaged(`directory "${path}" has more entries than the format allows`);
  return clusters;
}

/** `entry` undefined means the root directory. */
export async function readDirectory(
  source: ByteSource,
  table: FatTable,
  entry: DirectoryEntry | undefined,
  path: string,
): Promise<Directory> {
  const { geometry } = table;
  const { type, rootOffsetBytes, rootBytes, rootCluster } = geometry;
  if (entry === undefined && type === 'fat16') {
    const bytes = await source.read(rootOffsetBytes, rootBytes);
    return { bytes, clusters: [], entries: decodeDirectory(bytes, type) };
  }
  const clusters = directoryClusters(table, entry?.firstCluster ?? rootCluster, path);
  const bytes = await readExtents(source, extentsOf(geometry, clusters));
  return { bytes, clusters, entries: decodeDirectory(bytes, type) };
}

/** Offset of sector `index` of a directory. */
export function directorySectorOffset(geometry: FatGeometry, directory: Directory, index: number): number {
  const position = index * geometry.sectorBytes;
  if (directory.clusters.length === 0) return geometry.rootOffsetBytes + position;
  const cluster = directory.clusters[Math.floor(position / geometry.clusterBytes)]!;
  return clusterOffset(geometry, cluster) + (position % geometry.clusterBytes);
}

/** Entries by folded name, made for a directory when something is looked for in it: some have hundreds. */
const indexes = new WeakMap<Directory['entries'], Map<string, DirectoryEntry>>();

/** Finds by long name, else by short name, without regard to case. */
export function findEntry({ entries }: Directory, name: string): DirectoryEntry | undefined {
  let index = indexes.get(entries);
  if (index === undefined) {
    index = indexOf(entries);
    indexes.set(entries, index);
  }
  return index.get(foldName(name));
}

/** The first entry of a name counts, and a long name before a short one. */
function indexOf(entries: Directory['entries']): Map<string, DirectoryEntry> {
  const index = new Map<string, DirectoryEntry>();
  for (const nameOf of [({ name }: DirectoryEntry) => foldName(name), shortNameOf]) {
    for (const entry of entries) {
      const name = nameOf(entry);
      if (!index.has(name)) index.set(name, entry);
    }
  }
  return index;
}

function shortNameOf(entry: DirectoryEntry): string {
  return foldName(
    decodeShortName(
      Uint8Array.from(entry.shortName, (unit) => unit.charCodeAt(0)),
      0,
    ),
  );
}

/** Directories that were read before, by folded path; '' is the root. */
export type KnownDirectories = Map<string, Directory>;

/** The directory at `components`; adds what it reads to `known`. `act` and the whole path go into errors. */
export async function resolveDirectory(
  source: ByteSource,
  table: FatTable,
  components: readonly string[],
  act: string,
  known: KnownDirectories = new Map(),
): Promise<Directory> {
  const read = async (path: string, entry: DirectoryEntry | undefined): Promise<Directory> => {
    const key = foldName(path);
    const directory = known.get(key) ?? (await readDirectory(source, table, entry, path === '' ? '/' : path));
    known.set(key, directory);
    return directory;
  };
  let directory = await read('', undefined);
  for (const [depth, name] of components.entries()) {
    const path = components.slice(0, depth + 1).join('/');
    const entry = findEntry(directory, name);
    if (!entry) throw new FatPathError('ENOENT', act, components.join('/'), `"${path}" does not exist`);
    if (!isDirectory(entry)) {
      throw new FatPathError('ENOTDIR', act, components.join('/'), `"${path}" is not a directory`);
    }
    directory = await read(path, entry);
  }
  return directory;
}
