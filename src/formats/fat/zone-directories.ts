// The directories of a zone while it is being changed: what is known of them, more room made in one, and the sectors of a
// change written in the order that lets a power cut leave the old state or the new one. What changes is editor.ts's part.

import type { ByteDevice } from '../byte-source.ts';
import { clusterOffset, type FatGeometry } from './boot-sector.ts';
import {
  decodeDirectory,
  type DirectoryChange,
  encodeEntry,
  type NewEntry,
  planInsertion,
  planSteps,
} from './directory.ts';
import type { FatTable } from './table.ts';
import { type Directory, directorySectorOffset, type KnownDirectories, resolveDirectory } from './tree.ts';
import type { ZoneClusters } from './zone-clusters.ts';

export class ZoneDirectories {
  readonly #device: ByteDevice;
  readonly #geometry: FatGeometry;
  readonly #table: FatTable;
  readonly #clusters: ZoneClusters;
  /** As they are on the device: nobody else writes it, and each change here is a change there. */
  readonly #known: KnownDirectories = new Map();

  constructor(device: ByteDevice, table: FatTable, clusters: ZoneClusters) {
    this.#device = device;
    this.#geometry = table.geometry;
    this.#table = table;
    this.#clusters = clusters;
  }

  /** The directory at `components`; `act` and the whole path go into errors. */
  resolve(components: readonly string[], act: string): Promise<Directory> {
    return resolveDirectory(this.#device, this.#table, components, act, this.#known);
  }

  /** What is on the device is not as it was known. */
  forget(): void {
    this.#known.clear();
  }

  /** The directory, with another cluster if it has no room for `entry`. */
  async makeRoom(directory: Directory, entry: NewEntry, path: string): Promise<Directory> {
    const { sectorBytes, type } = this.#geometry;
    if (planInsertion(directory.bytes, sectorBytes, encodeEntry(entry))) return directory;
    const last = directory.clusters.at(-1);
    if (last === undefined) throw new RangeError(`Cannot add "${path}" to the FAT volume: its root is full`);
    this.#clusters.demandApart([last], path);
    const [cluster] = this.#clusters.find(1, path);
    const zeros = new Uint8Array(this.#geometry.clusterBytes);
    await this.#device.write(clusterOffset(this.#geometry, cluster!), zeros);
    await this.#clusters.take([cluster!]);
    // The new cluster must be an end of chain for certain before the directory leads to it.
    await this.#device.flush?.();
    await this.#clusters.append(last, cluster!);
    const bytes = new Uint8Array(directory.bytes.length + zeros.length);
    bytes.set(directory.bytes);
    const clusters = [...directory.clusters, cluster!];
    const longer = { bytes, clusters, entries: decodeDirectory(bytes, type) };
    this.#renew(longer);
    return this.makeRoom(longer, entry, path);
  }

  /** Needs room: see makeRoom. */
  async insert(directory: Directory, entry: NewEntry): Promise<void> {
    const change = planInsertion(directory.bytes, this.#geometry.sectorBytes, encodeEntry(entry));
    await this.apply(directory, change!);
  }

  /** Everything that the change refers to is on the medium first; each sector is before the next one. */
  async apply(directory: Directory, change: DirectoryChange): Promise<void> {
    const { sectorBytes } = this.#geometry;
    await this.#device.flush?.();
    for (const index of change.sectors) {
      const start = index * sectorBytes;
      const sector = change.bytes.subarray(start, start + sectorBytes);
      if (Buffer.compare(sector, directory.bytes.subarray(start, start + sectorBytes)) === 0) continue;
      await this.#device.write(directorySectorOffset(this.#geometry, directory, index), sector);
      await this.#device.flush?.();
    }
    this.#renew(this.changed(directory, change.bytes));
  }

  /** The same for many changes, none of whose entries lies across two sectors. */
  async applyTogether(before: Directory, after: Directory): Promise<void> {
    const { sectorBytes } = this.#geometry;
    await this.#device.flush?.();
    for (const step of planSteps(before.bytes, after.bytes, sectorBytes)) {
      for (const index of step) {
        const sector = after.bytes.subarray(index * sectorBytes, (index + 1) * sectorBytes);
        await this.#device.write(directorySectorOffset(this.#geometry, after, index), sector);
      }
      await this.#device.flush?.();
    }
    this.#renew(after);
  }

  /** As it is with these bytes, which need not be on the device. */
  changed(directory: Directory, bytes: Uint8Array): Directory {
    return { ...directory, bytes, entries: decodeDirectory(bytes, this.#geometry.type) };
  }

  /** What was known of directories below may be of ones that are gone. */
  #renew(directory: Directory): void {
    const known = [...this.#known].find(([, { clusters }]) => clusters[0] === directory.clusters[0]);
    if (known === undefined) return;
    const [path] = known;
    const below = [...this.#known.keys()].filter((other) => path === '' || other.startsWith(`${path}/`));
    for (const other of below) this.#known.delete(other);
    this.#known.set(path, directory);
  }
}
