// Finds /perm's partition: number 4 of the disk that the root file system is on. The kernel knows which disk
// that is, so that a second disk with the same partition ids (a clone, an old card) cannot be taken for it.

import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { PERM_PARTITION } from '../../../shared/disk-layout.ts';
import type { Sys } from '../../sys/sys.ts';

export interface PermPartition {
  /** Paths of the block devices. */
  disk: string;
  partition: string;
  diskBytes: number;
  startBytes: number;
  lengthBytes: number;
}

/** sysfs counts in these, whatever the disk's sectors are. */
const SYSFS_SECTOR_BYTES = 512;

export function locatePerm(sys: Sys): PermPartition {
  const link = sys.path(`/sys/dev/block/${sys.rootDevice()}`);
  if (!existsSync(link)) throw new Error('the root file system is on no block device');
  const root = realpathSync(link);
  if (!existsSync(`${root}/partition`)) throw new Error('the root file system is on no partition');
  const disk = dirname(root);
  const name = readdirSync(disk).find(
    (entry) =>
      entry.startsWith(basename(disk)) && readNumber(`${disk}/${entry}/partition`) === PERM_PARTITION,
  );
  if (name === undefined) throw new Error(`"/dev/${basename(disk)}" has no partition ${PERM_PARTITION}`);
  return {
    disk: `/dev/${basename(disk)}`,
    partition: `/dev/${name}`,
    diskBytes: sizeIn(`${disk}/size`),
    startBytes: sizeIn(`${disk}/${name}/start`),
    lengthBytes: sizeIn(`${disk}/${name}/size`),
  };
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
