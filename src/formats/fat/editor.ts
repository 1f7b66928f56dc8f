// Changes a FAT volume in place, inside one zone (see zones.ts), so that a power cut at any moment leaves
// everything else untouched, and of what is being changed the old or the new state.
//
// Order of every change, with a flush between the steps:
//   1. new data into clusters that nobody has, and their FAT entries;
//   2. one directory sector, which makes the new state the one that counts;
//   3. the FAT entries of what is no longer needed, now free.
// A cut in step 1 or 3 leaves clusters in use that nothing refers to. They count as free from then on, and the
// next change in the zone cleans their FAT entries; FAT copies that differ since then are made equal likewise.
// The "dirty" flag is not used: it lies in the first FAT sector, which is not the zone's to write.

import { type ByteDevice, type ByteSource, sourceOfBytes } from '../byte-source.ts';
import { clusterOffset, type FatGeometry, isCluster } from './boot-sector.ts';
import { writeContent } from './content.ts';
import {
  ATTRIBUTE,
  countSlots,
  type DirectoryChange,
  type DirectoryEntry,
  encodeDotEntries,
  encodeEntry,
  isDirectory,
  type NewEntry,
  planContentChange,
  planInsertion,
  planRemoval,
  SLOT_BYTES,
} from './directory.ts';
import { MAX_FILE_BYTES } from './layout.ts';
import { checkName, foldName, ShortNames, splitPath } from './names.ts';
import { damaged, END_OF_CHAIN, FatTable, readFatCopy } from './table.ts';
import { type Directory, extentsOf, FatPathError, findEntry, readDirectory } from './tree.ts';
import { readGeometry } from './volume.ts';
import { ZoneClusters } from './zone-clusters.ts';
import { ZoneDirectories } from './zone-directories.ts';
import { OWNER, surveyZones, type ZoneMap } from './zones.ts';

export interface FatEditOptions {
  /** The top-level directory to stay inside. */
  zone: string;
  /** Modification time of what is changed. */
  timestampSec: number;
  /**
   * What to do when a change would rewrite a sector that others need, too, as on a volume that was not laid out
   * for zones: refuse with FatSharedError (the default), or go on. The sector then says the same about the
   * others as before, but a power cut may spoil it.
   */
  whenShared?: 'refuse' | 'proceed';
}

export interface FileContent {
  path: string;
  content: ByteSource;
}

export interface FatEditResult {
  /** False only with `whenShared: 'proceed'`: a sector that others need was rewritten. */
  keptApart: boolean;
}

/**
 * Changes of one zone. Make it with `openFatEditor`; nobody else may write the volume meanwhile, and after an
 * error of the device it must be opened anew.
 */
export class FatEditor {
  readonly #device: ByteDevice;
  readonly #geometry: FatGeometry;
  readonly #table: FatTable;
  readonly #map: ZoneMap;
  readonly #clusters: ZoneClusters;
  readonly #directories: ZoneDirectories;
  readonly #zone: string;
  readonly #timestampSec: number;

  /** @internal */
  constructor(
    device: ByteDevice,
    table: FatTable,
    map: ZoneMap,
    clusters: ZoneClusters,
    options: FatEditOptions,
  ) {
    this.#device = device;
    this.#geometry = table.geometry;
    this.#table = table;
    this.#map = map;
    this.#clusters = clusters;
    this.#directories = new ZoneDirectories(device, table, clusters);
    this.#zone = options.zone;
    this.#timestampSec = options.timestampSec;
  }

  /** How much new content the zone can get on top of what it has. */
  get availableBytes(): number {
    return this.#clusters.availableBytes;
  }

  /** Whether all changes so far stayed in sectors that nobody else needs. */
  get keptApart(): boolean {
    return this.#clusters.keptApart;
  }

  /** Waits until the last change is on the medium, too. Order is kept without it. */
  async flush(): Promise<void> {
    await this.#device.flush?.();
  }

  /** Makes the file if it is not there; its directory must exist. */
  async replaceFile(path: string, content: ByteSource): Promise<void> {
    const { directory, name } = await this.#locate(path, 'replace');
    const { parent, change, old } = await this.#place(directory, { path, name, content });
    await this.#clusters.write();
    await this.#directories.apply(parent, change);
    await this.#clusters.release(old);
  }

  /**
   * The same for many files, with few writes of their directories. A cut may leave some of them old and some new, each of
   * them whole.
   */
  async replaceFiles(files: readonly FileContent[]): Promise<void> {
    const isAlone = ({ path }: FileContent): boolean =>
      countSlots(splitPath(path).at(-1)!, '') * SLOT_BYTES > this.#geometry.sectorBytes;
    const { alone = [], together = [] } = Object.groupBy(files, (file) =>
      isAlone(file) ? 'alone' : 'together',
    );
    for (const group of byDirectory(together)) {
      const { directory: before } = await this.#locate(group[0]!.path, 'replace');
      let directory = before;
      const old: number[] = [];
      for (const { path, content } of group) {
        const name = this.#componentsOf(path, 'replace').at(-1)!;
        const placed = await this.#place(directory, { path, name, content });
        directory = this.#directories.changed(placed.parent, placed.change.bytes);
        old.push(...placed.old);
      }
      await this.#clusters.write();
      await this.#directories.applyTogether(before, directory);
      await this.#clusters.release(old);
    }
    for (const { path, content } of alone) await this.replaceFile(path, content);
  }

  /** Writes the content, into clusters that are the file's in memory only; says how the directory would lead to them. */
  async #place(
    directory: Directory,
    { path, name, content }: FileContent & { name: string },
  ): Promise<{ parent: Directory; change: DirectoryChange; old: readonly number[] }> {
    let parent = directory;
    const existing = findEntry(parent, name);
    if (existing && isDirectory(existing)) {
      throw new FatPathError('EISDIR', 'replace', path, 'it is a directory');
    }
    if (content.sizeBytes > MAX_FILE_BYTES) {
      throw new RangeError(
        `Cannot replace "${path}" on the FAT volume: a file has at most ${MAX_FILE_BYTES} bytes, ` +
          `not ${content.sizeBytes}`,
      );
    }
    const old = existing ? this.#chainOf(existing, path) : [];
    this.#clusters.demandApart(old, path);
    const entry = this.#newEntry(parent, name, ATTRIBUTE.archive);
    if (!existing) parent = await this.#directories.makeRoom(parent, entry, path);
    const clusters = this.#clusters.find(Math.ceil(content.sizeBytes / this.#geometry.clusterBytes), path);
    await writeContent(this.#device, extentsOf(this.#geometry, clusters), content);
    this.#clusters.claim(clusters);
    const placed = { ...entry, firstCluster: clusters[0] ?? 0, sizeBytes: content.sizeBytes };
    const { sectorBytes } = this.#geometry;
    const change = existing
      ? planContentChange(parent.bytes, sectorBytes, existing, placed)
      : planInsertion(parent.bytes, sectorBytes, encodeEntry(placed))!;
    return { parent, change, old };
  }

  /** Makes the directory and those above it that are missing. */
  async makeDirectory(path: string): Promise<void> {
    const components = this.#componentsOf(path, 'make');
    for (const [depth, name] of components.entries()) {
      const above = components.slice(0, depth);
      const parent = await this.#directories.resolve(above, 'make');
      const existing = findEntry(parent, name);
      if (existing && !isDirectory(existing)) {
        throw new FatPathError('ENOTDIR', 'make', path, `"${[...above, name].join('/')}" is a file`);
      }
      if (!existing) await this.#addDirectory(parent, above, name);
    }
  }

  /** Removes a file or an empty directory; with `recursive` one with all that is in it, in one step. */
  async remove(path: string, options: { recursive?: boolean } = {}): Promise<void> {
    const { directory: parent, name } = await this.#locate(path, 'remove');
    const entry = findEntry(parent, name);
    if (!entry) throw new FatPathError('ENOENT', 'remove', path, 'it does not exist');
    const clusters = this.#chainOf(entry, path);
    if (isDirectory(entry)) {
      const below = await this.#chainsBelow(entry, path);
      if (below && options.recursive !== true) {
        throw new FatPathError('ENOTEMPTY', 'remove', path, 'it is not empty');
      }
      clusters.push(...(below ?? []));
    }
    this.#clusters.demandApart(clusters, path);
    await this.#directories.apply(parent, planRemoval(parent.bytes, this.#geometry.sectorBytes, entry));
    await this.#clusters.release(clusters);
  }

  /** Removes files, as `replaceFiles` replaces them. */
  async removeFiles(paths: readonly string[]): Promise<void> {
    const { sectorBytes } = this.#geometry;
    const perSector = sectorBytes / SLOT_BYTES;
    const alone: string[] = [];
    for (const group of byDirectory(paths.map((path) => ({ path })))) {
      const { directory: before } = await this.#locate(group[0]!.path, 'remove');
      let directory = before;
      const old: number[] = [];
      for (const { path } of group) {
        const entry = findEntry(directory, this.#componentsOf(path, 'remove').at(-1)!);
        if (!entry) throw new FatPathError('ENOENT', 'remove', path, 'it does not exist');
        const { firstSlot, shortSlot } = entry;
        const isAcross = Math.floor(firstSlot / perSector) !== Math.floor(shortSlot / perSector);
        if (isDirectory(entry) || isAcross) {
          alone.push(path);
          continue;
        }
        const clusters = this.#chainOf(entry, path);
        this.#clusters.demandApart(clusters, path);
        old.push(...clusters);
        directory = this.#directories.changed(
          directory,
          planRemoval(directory.bytes, sectorBytes, entry).bytes,
        );
      }
      await this.#directories.applyTogether(before, directory);
      await this.#clusters.release(old);
    }
    for (const path of alone) await this.remove(path);
  }

  /** @internal Empties the zone without looking at what is in it; see `emptyFatZone`. */
  async empty(): Promise<void> {
    const root = await readDirectory(this.#device, this.#table, undefined, '/');
    const entry = findEntry(root, this.#zone);
    if (!entry || !isDirectory(entry)) {
      throw new FatPathError('ENOENT', 'empty', this.#zone, 'there is no such directory');
    }
    const cluster = entry.firstCluster;
    if (!isCluster(this.#geometry, cluster) || this.#map.owner(cluster) !== OWNER.nobody) {
      throw damaged(`directory "/${this.#zone}" starts at cluster ${cluster}`);
    }
    this.#directories.forget();
    this.#clusters.demandApart([cluster], this.#zone);
    if (this.#clusters.hasLost) {
      this.#clusters.requireSharing(this.#zone, 'there are clusters whose FAT sector others share');
    }
    const sector = new Uint8Array(this.#geometry.sectorBytes);
    sector.set(encodeDotEntries(cluster, 0, this.#timestampSec));
    await this.#device.write(clusterOffset(this.#geometry, cluster), sector);
    await this.flush();
    // The directory's own entry first, while the rest of its chain still exists; then that can go.
    this.#map.setOwner(cluster, OWNER.zone);
    this.#table.set(cluster, END_OF_CHAIN);
    await this.#clusters.write(cluster);
    await this.flush();
    await this.#clusters.write();
  }

  #componentsOf(path: string, act: string): string[] {
    const components = splitPath(path);
    if (foldName(components[0] ?? '') !== foldName(this.#zone)) {
      throw new RangeError(`Cannot ${act} "${path}" on the FAT volume: it lies outside "${this.#zone}"`);
    }
    return components;
  }

  async #locate(path: string, act: string): Promise<{ directory: Directory; name: string }> {
    const components = this.#componentsOf(path, act);
    const name = components.pop()!;
    if (components.length === 0) {
      throw new RangeError(`Cannot ${act} "${path}" on the FAT volume: it is the zone itself`);
    }
    return { directory: await this.#directories.resolve(components, act), name };
  }

  #chainOf(entry: DirectoryEntry, path: string): number[] {
    return entry.firstCluster === 0 ? [] : this.#table.chain(entry.firstCluster, `"/${path}"`);
  }

  /** Clusters of everything in a directory; undefined when it is empty. */
  async #chainsBelow(entry: DirectoryEntry, path: string): Promise<number[] | undefined> {
    const directory = await readDirectory(this.#device, this.#table, entry, path);
    if (directory.entries.length === 0) return undefined;
    const clusters: number[] = [];
    for (const child of directory.entries) {
      const childPath = `${path}/${child.name}`;
      clusters.push(...this.#chainOf(child, childPath));
      if (isDirectory(child)) clusters.push(...((await this.#chainsBelow(child, childPath)) ?? []));
    }
    return clusters;
  }

  #newEntry(parent: Directory, name: string, attributes: number): NewEntry {
    checkName(name);
    const shortNames = new ShortNames();
    for (const entry of parent.entries) shortNames.reserve(entry.shortName);
    const content = { firstCluster: 0, sizeBytes: 0, timestampSec: this.#timestampSec };
    return { name, shortName: shortNames.pick(name), attributes, ...content };
  }

  async #addDirectory(parent: Directory, above: readonly string[], name: string): Promise<void> {
    const path = [...above, name].join('/');
    const entry = this.#newEntry(parent, name, ATTRIBUTE.directory);
    if (above.length === 0) {
      this.#clusters.requireSharing(path, 'its entry is in the root directory');
    }
    const roomy = await this.#directories.makeRoom(parent, entry, path);
    const [cluster] = this.#clusters.find(1, path);
    const parentCluster = above.length === 0 ? 0 : roomy.clusters[0]!;
    const dots = encodeDotEntries(cluster!, parentCluster, this.#timestampSec);
    await writeContent(this.#device, extentsOf(this.#geometry, [cluster!]), sourceOfBytes(dots));
    await this.#clusters.take([cluster!]);
    await this.#directories.insert(roomy, { ...entry, firstCluster: cluster! });
  }
}

/** Files that lie in the same directory, as many groups as there are directories. */
function byDirectory<T extends { path: string }>(files: readonly T[]): T[][] {
  const directoryOf = ({ path }: T): string => foldName(splitPath(path).slice(0, -1).join('/'));
  return [...Map.groupBy(files, directoryOf).values()];
}

async function openEditor(
  device: ByteDevice,
  options: FatEditOptions,
  passOver: boolean,
): Promise<FatEditor> {
  const geometry = await readGeometry(device);
  const table = new FatTable(geometry, await readFatCopy(device, geometry));
  const zone = foldName(options.zone);
  const map = await surveyZones(
    device,
    table,
    (entry) => isDirectory(entry) && foldName(entry.name) === zone,
    passOver,
  );
  const clusters = await ZoneClusters.open(device, table, map, options.whenShared === 'proceed');
  return new FatEditor(device, table, map, clusters, options);
}

/**
 * For several changes in a row. Walks the whole tree first; throws SyntaxError when the volume is damaged,
 * because then clusters that look free may not be.
 */
export async function openFatEditor(device: ByteDevice, options: FatEditOptions): Promise<FatEditor> {
  return openEditor(device, options, false);
}

/**
 * Removes everything in the zone, in one step: one sector write, and the directory is empty. It works when what
 * is in the zone is damaged, too: only the rest of the volume must be sound.
 */
export async function emptyFatZone(device: ByteDevice, options: FatEditOptions): Promise<FatEditResult> {
  const editor = await openEditor(device, options, true);
  await editor.empty();
  await editor.flush();
  return { keptApart: editor.keptApart };
}
