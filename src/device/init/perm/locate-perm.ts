// Finds /perm's partition: number 4 of the disk that the root file system is on.

import { PERM_PARTITION } from '../../../shared/board/disk-layout.ts';
import { locateRootDisk, partitionOf } from '../../root-disk.ts';
import type { Sys } from '../../sys/sys.ts';

export interface PermPartition {
  /** Paths of the block devices. */
  disk: string;
  partition: string;
  diskBytes: number;
  startBytes: number;
  lengthBytes: number;
}

export function locatePerm(sys: Sys): PermPartition {
  const disk = locateRootDisk(sys);
  const { path, startBytes, lengthBytes } = partitionOf(disk, PERM_PARTITION);
  return { disk: disk.path, partition: path, diskBytes: disk.sizeBytes, startBytes, lengthBytes };
}
