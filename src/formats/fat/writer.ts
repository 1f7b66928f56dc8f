// Writes a FAT16 or FAT32 volume in one go, deterministically: same input, same bytes. Files are contiguous.
// Zones (top-level directories) are laid out so that changing one never rewrites a sector of the FAT or of a
// directory that anything else needs: see zones.ts. Only free clusters keep what was on the device before.

import type { ByteSink, ByteSource } from '../byte-source.ts';
import {
  BACKUP_BOOT_SECTOR,
  clusterOffset,
  encodeBootSector,
  encodeFsInfo,
  type FatGeometry,
  type FatType,
} from './boot-sector.ts';
import { writeContent, writeZeros } from './content.ts';
import { ATTRIBUTE, encodeDotEntries, encodeEntry, encodeLabelEntry } from './directory.ts';
import { children, directoriesOf, type DirectoryNode, filesOf, layOutVolume } from './layout.ts';
import { FatTable } from './table.ts';

export interface FatFile {
  /** `loader/entries/a.conf`: forward slashes, no leading one. Directories come into being by themselves. */
  path: string;
  content: ByteSource;
}

export interface FatOptions {
  sizeBytes: number;
  /** The partition's first sector on its disk. */
  hiddenSectors: number;
  /** 1 to 11 capital letters and digits. */
  label: string;
  volumeId: number;
  /** Time of every file and directory. */
  timestampSec: number;
  files: readonly FatFile[];
  /** Directories to make even if they stay empty. */
  directories?: readonly string[];
  /** Top-level directories whose files share no FAT sector and no directory sector with anything else. */
  zones: readonly string[];
}

export interface FatLayout {
  type: FatType;
  clusterBytes: number;
  clusterCount: number;
  freeBytes: number;
  /** Offset of each file, in bytes from the volume's start, by its path; empty files have no place. */
  fileOffsets: ReadonlyMap<string, number>;
}

function encodeDirectory(directory: DirectoryNode, geometry: FatGeometry, options: FatOptions): Uint8Array {
  const { timestampSec, label } = options;
  const { parent } = directory;
  const slots = children(directory).map((node) =>
    encodeEntry({
      name: node.name,
      shortName: node.shortName,
      attributes: node.kind === 'directory' ? ATTRIBUTE.directory : ATTRIBUTE.archive,
      firstCluster: node.firstCluster,
      sizeBytes: node.kind === 'directory' ? 0 : node.content.sizeBytes,
      timestampSec,
    }),
  );
  if (parent === undefined) slots.unshift(encodeLabelEntry(label, timestampSec));
  else {
    // The root counts as cluster 0 here, even on FAT32.
    const parentCluster = parent.parent === undefined ? 0 : parent.firstCluster;
    slots.unshift(encodeDotEntries(directory.firstCluster, parentCluster, timestampSec));
  }
  const bytes = new Uint8Array(directory.clusterCount * geometry.clusterBytes || geometry.rootBytes);
  let offset = 0;
  for (const slot of slots) {
    bytes.set(slot, offset);
    offset += slot.length;
  }
  return bytes;
}

async function writeDirectories(
  device: ByteSink,
  root: DirectoryNode,
  geometry: FatGeometry,
  options: FatOptions,
): Promise<void> {
  for (const directory of directoriesOf(root)) {
    const place =
      directory.clusterCount > 0 ? clusterOffset(geometry, directory.firstCluster) : geometry.rootOffsetBytes;
    await device.write(place, encodeDirectory(directory, geometry, options));
  }
}

async function writeTables(device: ByteSink, root: DirectoryNode, geometry: FatGeometry): Promise<void> {
  const table = new FatTable(geometry, new Uint8Array(geometry.fatBytes));
  table.setReserved();
  for (const node of [...directoriesOf(root), ...filesOf(root)]) {
    table.setRun(node.firstCluster, node.clusterCount);
  }
  for (let copy = 0; copy < geometry.fatCopies; copy++) {
    await device.write(geometry.fatOffsetBytes + copy * geometry.fatBytes, table.bytes);
  }
}

/** All reserved sectors. The boot sector comes last: a volume cut short is none. */
async function writeReserved(device: ByteSink, geometry: FatGeometry): Promise<void> {
  const { sectorBytes, fsInfoOffsetBytes } = geometry;
  await writeZeros(device, sectorBytes, geometry.fatOffsetBytes - sectorBytes);
  const bootSector = encodeBootSector(geometry);
  if (fsInfoOffsetBytes !== undefined) {
    const backup = BACKUP_BOOT_SECTOR * sectorBytes;
    await device.write(fsInfoOffsetBytes, encodeFsInfo(sectorBytes));
    await device.write(backup, bootSector);
    await device.write(backup + fsInfoOffsetBytes, encodeFsInfo(sectorBytes));
  }
  await device.write(0, bootSector);
}

/**
 * Throws FatSpaceError (a RangeError) saying by how much the files are too large; then, and whenever the
 * input is wrong, nothing has been written.
 */
export async function writeFat(device: ByteSink, options: FatOptions): Promise<FatLayout> {
  const { root, geometry, usedClusters } = layOutVolume(options);
  const { type, clusterBytes, clusterCount } = geometry;
  const fileOffsets = new Map<string, number>();
  await writeZeros(device, 0, geometry.sectorBytes);
  for (const { path, content, firstCluster, clusterCount } of filesOf(root)) {
    if (clusterCount === 0) continue;
    const offsetBytes = clusterOffset(geometry, firstCluster);
    fileOffsets.set(path, offsetBytes);
    await writeContent(device, [{ offsetBytes, lengthBytes: clusterCount * clusterBytes }], content);
  }
  await writeDirectories(device, root, geometry, options);
  await writeTables(device, root, geometry);
  await writeReserved(device, geometry);
  const freeBytes = (clusterCount - usedClusters) * clusterBytes;
  return { type, clusterBytes, clusterCount, freeBytes, fileOffsets };
}
