// Makes /perm's partition reach to the disk's end: an image is as small as it can be, and disks are not.

import { encodeGpt, readGpt, type Gpt } from '../../../formats/gpt.ts';
import { PERM_PARTITION } from '../../../shared/board/disk-layout.ts';
import type { Sys } from '../../sys/sys.ts';
import { openBlockDevice } from '../../block-device.ts';
import type { PermPartition } from './locate-perm.ts';

/** A gain of less is not worth the risk of writing a partition table. */
const MIN_GAIN_BYTES = 1024 * 1024;

/** The partition as it is then, grown or not. */
export async function growPermPartition(sys: Sys, perm: PermPartition): Promise<PermPartition> {
  const lengthBytes = await growInTable(sys.path(perm.disk), perm.diskBytes);
  if (lengthBytes === undefined) return perm;
  // The kernel read the table before; the root's partition is in use, so it cannot read all of it anew.
  sys.resizePartition(sys.path(perm.disk), {
    number: PERM_PARTITION,
    startBytes: perm.startBytes,
    lengthBytes,
  });
  return { ...perm, lengthBytes };
}

async function growInTable(diskPath: string, diskBytes: number): Promise<number | undefined> {
  using disk = openBlockDevice(diskPath, diskBytes, 'r+');
  const gpt = await readGpt(disk);
  const grown = growToEnd(gpt, Math.floor(diskBytes / gpt.sectorBytes));
  if (grown === undefined) return undefined;
  const { primary, backup } = encodeGpt(grown);
  // The backup goes behind everything that counts. Once it is there, the primary follows in one write: all
  // that differs in it (header, entry 4) lies in the first 4 KiB of the disk, which storage writes as a whole.
  await disk.write(grown.diskSectors * gpt.sectorBytes - backup.length, backup);
  await disk.flush();
  await disk.write(gpt.sectorBytes, primary);
  await disk.flush();
  const partition = grown.partitions[PERM_PARTITION - 1];
  if (!partition) return undefined;
  return (partition.lastSector - partition.firstSector + 1) * gpt.sectorBytes;
}

/** undefined: there is nothing, or too little, to gain. */
function growToEnd(gpt: Gpt, diskSectors: number): Gpt | undefined {
  const perm = gpt.partitions[PERM_PARTITION - 1];
  if (!perm) return undefined;
  const isLast = gpt.partitions.every((other) => !other || other.lastSector <= perm.lastSector);
  const lastUsableSector = gpt.lastUsableSector + diskSectors - gpt.diskSectors;
  const gainBytes = (lastUsableSector - perm.lastSector) * gpt.sectorBytes;
  if (!isLast || gainBytes < MIN_GAIN_BYTES) return undefined;
  const partitions = gpt.partitions.with(PERM_PARTITION - 1, { ...perm, lastSector: lastUsableSector });
  return { ...gpt, diskSectors, lastUsableSector, partitions };
}
