// The disk that the root file system is on, and its partitions. The kernel knows which disk that is, so that a
// second one with the same partition ids (a clone, an old card) cannot be taken for it.

import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type BlockDevice, type BlockDeviceMode, openBlockDevice } from './block-device.ts';
import type { StorageSys } from './sys/sys.ts';

export interface DiskPartition {
  /** Path of the block device. */
  path: string;
  startBytes: number;
  lengthBytes: number;
}

export interface RootDisk {
  /** Path of the block device. */
  path: string;
  sizeBytes: number;
  /** Number of the partition that `/` is on. */
  rootPartition: number;
  partitions: ReadonlyMap<number, DiskPartition>;
}

/** sysfs counts in these, whatever the disk's sectors are. */
const SYSFS_SECTOR_BYTES = 512;

export function locateRootDisk(sys: Pick<StorageSys, 'path' | 'rootDevice'>): RootDisk {
  const link = sys.path(`/sys/dev/block/${sys.rootDevice()}`);
  if (!existsSync(link)) throw new Error('the root file system is on no block device');
  const root = realpathSync(link);
  const rootPartition = readNumber(`${root}/partition`);
  if (rootPartition === undefined) throw new Error('the root file system is on no partition');
  const disk = dirname(root);
  const partitions = new Map<number, DiskPartition>();
  for (const name of readdirSync(disk)) {
    const number = name.startsWith(basename(disk)) ? readNumber(`${disk}/${name}/partition`) : undefined;
    if (number === undefined) continue;
    partitions.set(number, {
      path: `/dev/${name}`,
      startBytes: sizeIn(`${disk}/${name}/start`),
      lengthBytes: sizeIn(`${disk}/${name}/size`),
    });
  }
  return { path: `/dev/${basename(disk)}`, sizeBytes: sizeIn(`${disk}/size`), rootPartition, partitions };
}

export function partitionOf(disk: RootDisk, number: number): DiskPartition {
  const partition = disk.partitions.get(number);
  if (partition === undefined) throw new Error(`"${disk.path}" has no partition ${number}`);
  return partition;
}

export function openPartition(
  sys: StorageSys,
  { path, lengthBytes }: DiskPartition,
  mode: BlockDeviceMode,
): BlockDevice {
  return openBlockDevice(sys.path(path), lengthBytes, mode);
}

function sizeIn(path: string): number {
  return (readNumber(path) ?? 0) * SYSFS_SECTOR_BYTES;
}

function readNumber(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
