// Geometry and identifiers of a tskrazy disk. It is gokrazy's layout (so that a gokrazy disk can be
// taken over in place) with a larger boot partition, because two kernels must fit.

export const SECTOR_BYTES = 512;
const MIB = 1024 * 1024;

/** Partition numbers in the GPT, from 1; those of the slots' roots are in slots.ts. */
export const BOOT_PARTITION = 1;
export const PERM_PARTITION = 4;

interface PartitionExtent {
  firstSector: number;
  sectorCount: number;
}

export interface DiskLayout {
  diskBytes: number;
  /** Index 0 is partition 1. */
  partitions: readonly [PartitionExtent, PartitionExtent, PartitionExtent, PartitionExtent];
}

/** First sector of the boot partition. */
export const FIRST_SECTOR = 8192;
export const BOOT_PARTITION_BYTES = 256 * MIB;
export const ROOT_PARTITION_BYTES = 500 * MIB;
/**
 * Bytes at the end of each root partition, at most: where an update notes what it has put where
 * (device/update/place-record.ts).
 */
export const UPDATE_RECORD_BYTES = 2 * MIB;
/** Sectors at the disk's end that gokrazy leaves free: the backup GPT (33) and one more. */
const TAIL_SECTORS = 34;
/** Smallest disk: the three system partitions and 64 MiB for /perm. */
export const MIN_DISK_BYTES =
  FIRST_SECTOR * SECTOR_BYTES + BOOT_PARTITION_BYTES + 2 * ROOT_PARTITION_BYTES + 64 * MIB;

/** Partitions of a new disk of `diskBytes` bytes. Throws RangeError when the disk is too small. */
export function layOutDisk(diskBytes: number, bootBytes = BOOT_PARTITION_BYTES): DiskLayout {
  if (diskBytes < MIN_DISK_BYTES) {
    throw new RangeError(
      `Cannot lay out a disk of ${diskBytes} bytes: the smallest disk has ${MIN_DISK_BYTES} bytes`,
    );
  }
  const diskSectors = Math.floor(diskBytes / SECTOR_BYTES);
  const bootSectors = bootBytes / SECTOR_BYTES;
  const rootSectors = ROOT_PARTITION_BYTES / SECTOR_BYTES;
  const rootA = FIRST_SECTOR + bootSectors;
  const rootB = rootA + rootSectors;
  const perm = rootB + rootSectors;
  return {
    diskBytes: diskSectors * SECTOR_BYTES,
    partitions: [
      { firstSector: FIRST_SECTOR, sectorCount: bootSectors },
      { firstSector: rootA, sectorCount: rootSectors },
      { firstSector: rootB, sectorCount: rootSectors },
      { firstSector: perm, sectorCount: diskSectors - TAIL_SECTORS - perm },
    ],
  };
}

/** gokrazy's disk id: FNV-1a, 32 bits, of the hostname. It is the MBR's disk signature and part of every GUID. */
export function diskId(hostname: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(hostname)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

/** gokrazy's GUID scheme: 0 is the disk, 1 to 4 are the partitions. Lower case, as PARTUUID= wants it. */
export function diskGuid(hostname: string, number: number): string {
  const id = diskId(hostname).toString(16).padStart(8, '0');
  return `60c24cc1-f3f9-427a-8199-${id}00${number.toString(16).padStart(2, '0')}`;
}
