// Plans a FAT volume: its geometry, and which clusters each directory and file gets.
// Everything outside the zones comes first; then each zone from the next granule (see zones.ts) on, its
// directories first. What is left at the end belongs to nobody, and a zone takes it by whole granules.

import type { ByteSource } from '../byte-source.ts';
import {
  FAT16_MIN_CLUSTERS,
  FAT32_MIN_CLUSTERS,
  type FatGeometry,
  type FatType,
  LABEL_BYTES,
} from './boot-sector.ts';
import { countSlots, MAX_DIRECTORY_BYTES, SLOT_BYTES } from './directory.ts';
import { checkName, exactShortName, foldName, ShortNames, splitPath } from './names.ts';
import { clustersPerGranule, GRANULE_BYTES } from './zones.ts';

const SECTOR_BYTES = 512;
const GRANULE_SECTORS = GRANULE_BYTES / SECTOR_BYTES;
/** Distance kept from the cluster counts at which the FAT type changes, as systems differ by a few there. */
const TYPE_MARGIN = 16;
const FAT32_MIN_BYTES = 256 * 1024 * 1024;
const FAT32_CLUSTER_SIZES: readonly { belowBytes: number; clusterBytes: number }[] = [
  { belowBytes: 8 * 2 ** 30, clusterBytes: 4096 },
  { belowBytes: 16 * 2 ** 30, clusterBytes: 8192 },
  { belowBytes: 32 * 2 ** 30, clusterBytes: 16384 },
  { belowBytes: Infinity, clusterBytes: 32768 },
];
const FAT32_MIN_CLUSTER_BYTES = 512;
const FAT16_MAX_CLUSTER_BYTES = 32768;
const FAT16_MIN_ROOT_SLOTS = 512;
/** The boot sector has 16 bits for their number, and it is a whole number of granules here. */
const FAT16_MAX_ROOT_SLOTS = 65536 - GRANULE_BYTES / SLOT_BYTES;
export const MAX_FILE_BYTES = 0xffffffff;

interface NodeBase {
  name: string;
  /** Name as stored, eleven characters. */
  shortName: string;
  path: string;
  /** 0 while it has no clusters. */
  firstCluster: number;
  clusterCount: number;
}
export interface FileNode extends NodeBase {
  kind: 'file';
  content: ByteSource;
}
export interface DirectoryNode extends NodeBase {
  kind: 'directory';
  parent: DirectoryNode | undefined;
  /** Nodes by folded name. */
  children: Map<string, FileNode | DirectoryNode>;
}

/** The volume has no room; `excessBytes` is how much larger it would have to be. */
export class FatSpaceError extends RangeError {
  readonly excessBytes: number;

  constructor(message: string, excessBytes: number) {
    super(message);
    this.excessBytes = excessBytes;
  }
}

export function children(directory: DirectoryNode): (FileNode | DirectoryNode)[] {
  return [...directory.children.values()];
}

/** `directory` and all directories below it, parents first. */
export function directoriesOf(directory: DirectoryNode): DirectoryNode[] {
  const below = children(directory).filter((node) => node.kind === 'directory');
  return [directory, ...below.flatMap(directoriesOf)];
}

export function filesOf(directory: DirectoryNode): FileNode[] {
  return directoriesOf(directory)
    .flatMap(children)
    .filter((node) => node.kind === 'file');
}

// The tree

function makeDirectory(name: string, parent: DirectoryNode | undefined): DirectoryNode {
  const path = parent === undefined || parent.path === '' ? name : `${parent.path}/${name}`;
  const place = { shortName: '', firstCluster: 0, clusterCount: 0 };
  return { kind: 'directory', name, path, parent, children: new Map(), ...place };
}

function directoryAt(root: DirectoryNode, components: readonly string[]): DirectoryNode {
  let directory = root;
  for (const name of components) {
    let child = directory.children.get(foldName(name));
    if (child === undefined) {
      checkName(name);
      child = makeDirectory(name, directory);
      directory.children.set(foldName(name), child);
    }
    if (child.kind === 'file') throw new TypeError(`"${child.path}" cannot be both a file and a directory`);
    directory = child;
  }
  return directory;
}

/**
 * Sorts each directory, so that the order of the input does not matter, and gives short names. Files come first: those of
 * the root are to have their entries in one sector (root-files.ts).
 */
function finishDirectory(directory: DirectoryNode): void {
  const sorted = [...directory.children].sort(([x], [y]) => (x < y ? -1 : 1));
  const { file = [], directory: below = [] } = Object.groupBy(sorted, ([, { kind }]) => kind);
  directory.children = new Map([...file, ...below]);
  const shortNames = new ShortNames();
  // Names that are short ones already keep theirs, whatever the others would like to be called.
  const nodes = children(directory);
  const exact = nodes.filter((node) => exactShortName(node.name) !== undefined);
  for (const node of exact) node.shortName = shortNames.pick(node.name);
  for (const node of nodes) {
    if (node.shortName === '') node.shortName = shortNames.pick(node.name);
    if (node.kind === 'directory') finishDirectory(node);
  }
}

export interface TreeOptions {
  files: readonly { path: string; content: ByteSource }[];
  directories?: readonly string[];
  zones: readonly string[];
}

function buildTree(options: TreeOptions): DirectoryNode {
  const root = makeDirectory('', undefined);
  for (const zone of options.zones) {
    if (zone.includes('/')) throw new TypeError(`Zone "${zone}" is not a top-level directory`);
    if (root.children.has(foldName(zone))) throw new TypeError(`Zone "${zone}" is named twice`);
    directoryAt(root, [zone]);
  }
  for (const path of options.directories ?? []) directoryAt(root, splitPath(path));
  for (const { path, content } of options.files) {
    const components = splitPath(path);
    const name = components.pop() ?? '';
    const directory = directoryAt(root, components);
    checkName(name);
    const existing = directory.children.get(foldName(name));
    if (existing) {
      throw new TypeError(
        `"${path}" and "${existing.path}" are one name on FAT, which ignores upper and lower case`,
      );
    }
    if (content.sizeBytes > MAX_FILE_BYTES) {
      throw new RangeError(
        `"${path}" has ${content.sizeBytes} bytes, and a file on FAT at most ${MAX_FILE_BYTES}`,
      );
    }
    const place = { shortName: '', firstCluster: 0, clusterCount: 0 };
    directory.children.set(foldName(name), { kind: 'file', name, path, content, ...place });
  }
  finishDirectory(root);
  return root;
}

/** Slots of a directory: its entries, and `.` and `..`, or the root's label. */
function slotsOf(directory: DirectoryNode): number {
  const fixed = directory.parent === undefined ? 1 : 2;
  const slots = children(directory).reduce((sum, node) => sum + countSlots(node.name, node.shortName), fixed);
  if (slots * SLOT_BYTES > MAX_DIRECTORY_BYTES) {
    throw new RangeError(`Directory "${directory.path}" has more entries than FAT allows`);
  }
  return slots;
}

// The geometry

export interface VolumeOptions {
  sizeBytes: number;
  hiddenSectors: number;
  label: string;
  volumeId: number;
}

function alignUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

function geometryWith(
  type: FatType,
  clusterBytes: number,
  rootSlots: number,
  options: VolumeOptions,
): FatGeometry {
  const fat16 = type === 'fat16';
  const totalSectors = options.sizeBytes / SECTOR_BYTES;
  // All multiples of a granule, so that no part shares one with another. gokrazy's volumes have one FAT and
  // start on every board; FAT32 has the two that firmware is used to.
  const reservedSectors = fat16 ? GRANULE_SECTORS : 4 * GRANULE_SECTORS;
  const fatCopies = fat16 ? 1 : 2;
  const rootBytes = fat16
    ? alignUp(Math.max(rootSlots, FAT16_MIN_ROOT_SLOTS) * SLOT_BYTES, GRANULE_BYTES)
    : 0;
  let fatSectors = 0;
  let clusterCount = 0;
  let dataSector = 0;
  for (let needed = GRANULE_SECTORS; needed > fatSectors;) {
    fatSectors = needed;
    dataSector = reservedSectors + fatCopies * fatSectors + rootBytes / SECTOR_BYTES;
    clusterCount = Math.floor(((totalSectors - dataSector) * SECTOR_BYTES) / clusterBytes);
    needed = alignUp(((clusterCount + 2) * (fat16 ? 2 : 4)) / SECTOR_BYTES, GRANULE_SECTORS);
  }
  return {
    type,
    sectorBytes: SECTOR_BYTES,
    totalSectors,
    clusterBytes,
    clusterCount,
    fatOffsetBytes: reservedSectors * SECTOR_BYTES,
    fatBytes: fatSectors * SECTOR_BYTES,
    fatCopies,
    activeFat: undefined,
    rootOffsetBytes: fat16 ? (reservedSectors + fatSectors) * SECTOR_BYTES : 0,
    rootBytes,
    rootCluster: fat16 ? 0 : 2,
    dataOffsetBytes: dataSector * SECTOR_BYTES,
    fsInfoOffsetBytes: fat16 ? undefined : SECTOR_BYTES,
    hiddenSectors: options.hiddenSectors,
    volumeId: options.volumeId,
    label: options.label,
  };
}

function checkVolumeOptions(options: VolumeOptions): void {
  const { sizeBytes, hiddenSectors, label, volumeId } = options;
  if (!Number.isInteger(sizeBytes / SECTOR_BYTES) || sizeBytes / SECTOR_BYTES > 0xffffffff) {
    throw new RangeError(
      `Cannot make a FAT volume of ${sizeBytes} bytes: it takes a multiple of ${SECTOR_BYTES} below 2 TiB`,
    );
  }
  for (const [name, value] of Object.entries({ hiddenSectors, volumeId })) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw new RangeError(`Cannot make a FAT volume: ${name} is ${value}, not a 32-bit number`);
    }
  }
  if (label.length > LABEL_BYTES || !/^[A-Z0-9][A-Z0-9 _-]*$/.test(label) || label.endsWith(' ')) {
    throw new TypeError(
      `Cannot make a FAT volume labelled "${label}": it takes 1 to ${LABEL_BYTES} capital letters and digits`,
    );
  }
}

/** FAT32 from 256 MiB on, FAT16 below, with the smallest clusters that their number allows. */
export function planGeometry(options: VolumeOptions, rootSlots: number): FatGeometry {
  checkVolumeOptions(options);
  const { sizeBytes } = options;
  if (sizeBytes >= FAT32_MIN_BYTES) {
    const usual = FAT32_CLUSTER_SIZES.find(({ belowBytes }) => sizeBytes < belowBytes)!.clusterBytes;
    for (let clusterBytes = usual; clusterBytes >= FAT32_MIN_CLUSTER_BYTES; clusterBytes /= 2) {
      const geometry = geometryWith('fat32', clusterBytes, rootSlots, options);
      if (geometry.clusterCount >= FAT32_MIN_CLUSTERS + TYPE_MARGIN) return geometry;
    }
  }
  if (rootSlots > FAT16_MAX_ROOT_SLOTS) {
    throw new RangeError(
      `Cannot make a FAT16 volume whose root directory has ${rootSlots} entries: ${FAT16_MAX_ROOT_SLOTS} fit`,
    );
  }
  for (let clusterBytes = SECTOR_BYTES; clusterBytes <= FAT16_MAX_CLUSTER_BYTES; clusterBytes *= 2) {
    const geometry = geometryWith('fat16', clusterBytes, rootSlots, options);
    if (geometry.clusterCount < FAT16_MIN_CLUSTERS + TYPE_MARGIN) break;
    if (geometry.clusterCount < FAT32_MIN_CLUSTERS - TYPE_MARGIN) return geometry;
  }
  throw new RangeError(
    `Cannot make a FAT volume of ${sizeBytes} bytes: it would have to be FAT12, which is not supported`,
  );
}

// The places

export interface VolumePlan {
  root: DirectoryNode;
  geometry: FatGeometry;
  usedClusters: number;
}

/** Throws FatSpaceError when the files need more clusters than there are. */
export function layOutVolume(options: VolumeOptions & TreeOptions): VolumePlan {
  const root = buildTree(options);
  const geometry = planGeometry(options, slotsOf(root));
  const { clusterBytes, clusterCount } = geometry;
  const granule = clustersPerGranule(geometry);
  let nextCluster = 2;
  let usedClusters = 0;

  function place(node: FileNode | DirectoryNode, sizeBytes: number): void {
    node.clusterCount = Math.ceil(sizeBytes / clusterBytes);
    if (node.clusterCount === 0) return;
    node.firstCluster = nextCluster;
    nextCluster += node.clusterCount;
    usedClusters += node.clusterCount;
  }
  function placeAll(directories: readonly DirectoryNode[]): void {
    for (const directory of directories) {
      const fixedRoot = directory === root && geometry.type === 'fat16';
      place(directory, fixedRoot ? 0 : slotsOf(directory) * SLOT_BYTES);
    }
    for (const node of directories.flatMap(children)) {
      if (node.kind === 'file') place(node, node.content.sizeBytes);
    }
  }

  const zones = options.zones.map((zone) => directoryAt(root, [zone]));
  const inZones = new Set(zones.flatMap(directoriesOf));
  placeAll(directoriesOf(root).filter((directory) => !inZones.has(directory)));
  for (const zone of zones) {
    nextCluster = alignUp(nextCluster, granule);
    placeAll(directoriesOf(zone));
  }
  const excessBytes = (nextCluster - 2 - clusterCount) * clusterBytes;
  if (excessBytes > 0) {
    throw new FatSpaceError(
      `Cannot fit the files into a FAT volume of ${options.sizeBytes} bytes: they are ${excessBytes} bytes too large`,
      excessBytes,
    );
  }
  return { root, geometry, usedClusters };
}
