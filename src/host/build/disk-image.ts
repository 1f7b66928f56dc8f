// Writes a built image to where it is wanted: a whole disk (partition tables, boot partition, root in slot a),
// or the boot or root partition alone.

import { type ByteDevice, sliceDevice } from '../../formats/byte-source.ts';
import { encodeGpt, PARTITION_TYPE } from '../../formats/gpt.ts';
import { encodeHybridMbr } from '../../formats/mbr.ts';
import {
  BOOT_PARTITION,
  BOOT_PARTITION_BYTES,
  type DiskLayout,
  diskGuid,
  diskId,
  FIRST_SECTOR,
  layOutDisk,
  SECTOR_BYTES,
} from '../../shared/board/disk-layout.ts';
import { FIRST_SLOT, SLOT_PARTITION } from '../../shared/board/slots.ts';
import { FileDevice } from '../files/file-device.ts';
import { writeOutputFile } from '../files/output-file.ts';
import { type BootPartition, writeBootPartition } from './boot-partition.ts';
import type { BuiltImage } from './build-image.ts';
import { abortableDevice } from './until-aborted.ts';

/** Large enough for a first try in a VM, small enough for any card. */
export const DEFAULT_DISK_BYTES = 2 * 1024 ** 3;

/** The root has secrets of apps and the hash of the password, and a whole disk the keys of Wi-Fi; a boot partition by itself has none. */
const OWNER_ONLY = 0o600;

export async function writeDiskImage(
  image: BuiltImage,
  path: string,
  options: { sizeBytes?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const layout = layOutDisk(options.sizeBytes ?? DEFAULT_DISK_BYTES);
  const target = { path, what: 'the disk image', sizeBytes: layout.diskBytes, mode: OWNER_ONLY };
  await writeImageFile(target, options.signal, (device) => writeDisk(image, device, layout));
}

export async function writeBootImage(image: BuiltImage, path: string, signal?: AbortSignal): Promise<void> {
  const target = { path, what: 'the boot image', sizeBytes: BOOT_PARTITION_BYTES, mode: 0o644 };
  await writeImageFile(target, signal, (device) =>
    writeBootPartition(bootPartitionOf(image), device, FIRST_SECTOR),
  );
}

export async function writeRootFile(image: BuiltImage, path: string, signal?: AbortSignal): Promise<void> {
  const { sizeBytes } = image.manifest.root;
  const target = { path, what: 'the root image', sizeBytes, mode: OWNER_ONLY };
  await writeImageFile(target, signal, (device) => copyRoot(image, device));
}

async function writeImageFile(
  target: { path: string; what: string; sizeBytes: number; mode: number },
  signal: AbortSignal | undefined,
  write: (device: ByteDevice) => Promise<void>,
): Promise<void> {
  await writeOutputFile(
    target.path,
    target.what,
    async (temporaryPath) => {
      const device = await FileDevice.create(temporaryPath, target.sizeBytes, target.mode);
      try {
        await write(abortableDevice(device, signal));
      } finally {
        await device.close();
      }
    },
    signal,
  );
}

/** Fills a disk that holds nothing yet. `/perm` stays blank: the device formats it on its first boot. */
export async function writeDisk(image: BuiltImage, disk: ByteDevice, layout: DiskLayout): Promise<void> {
  await copyRoot(image, partitionOf(disk, layout, SLOT_PARTITION[FIRST_SLOT]));
  const boot = layout.partitions[BOOT_PARTITION - 1]!;
  const partition = bootPartitionOf(image);
  await writeBootPartition(
    { ...partition, loaderFiles: [...partition.loaderFiles, ...image.cardFiles] },
    partitionOf(disk, layout, BOOT_PARTITION),
    boot.firstSector,
  );
  // Last, so that a disk whose writing was cut off is not taken for a whole one.
  await writePartitionTables(image, disk, layout);
}

function partitionOf(disk: ByteDevice, layout: DiskLayout, number: number): ByteDevice {
  const { firstSector, sectorCount } = layout.partitions[number - 1]!;
  return sliceDevice(disk, firstSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES);
}

async function writePartitionTables(image: BuiltImage, disk: ByteDevice, layout: DiskLayout): Promise<void> {
  const { hostname } = image;
  const diskSectors = layout.diskBytes / SECTOR_BYTES;
  // Types and names are those of gokrazy, so that its tools know the disk.
  const kinds = [
    { typeGuid: PARTITION_TYPE.efiSystem, name: 'Microsoft basic data' },
    { typeGuid: PARTITION_TYPE[image.board.rootPartitionType], name: 'Linux filesystem' },
    { typeGuid: PARTITION_TYPE.linuxData, name: 'Linux filesystem' },
    { typeGuid: PARTITION_TYPE.linuxData, name: 'Linux filesystem' },
  ];
  const { primary, backup } = encodeGpt({
    diskGuid: diskGuid(hostname, 0),
    diskSectors,
    sectorBytes: SECTOR_BYTES,
    firstUsableSector: 34,
    lastUsableSector: diskSectors - 34,
    partitions: kinds.map((kind, index) => {
      const { firstSector, sectorCount } = layout.partitions[index]!;
      const lastSector = firstSector + sectorCount - 1;
      return { ...kind, guid: diskGuid(hostname, index + 1), firstSector, lastSector };
    }),
  });
  const boot = layout.partitions[BOOT_PARTITION - 1]!;
  await disk.write(layout.diskBytes - backup.length, backup);
  await disk.write(SECTOR_BYTES, primary);
  await disk.write(
    0,
    encodeHybridMbr({
      diskId: diskId(hostname),
      bootFirstSector: boot.firstSector,
      bootSectorCount: boot.sectorCount,
    }),
  );
}

function bootPartitionOf(image: BuiltImage): BootPartition {
  const { hostname, manifest, loaderFiles, slotFiles } = image;
  return { hostname, timestampSec: manifest.buildTimeSec, loaderFiles, slotFiles };
}

const COPY_BYTES = 4 * 1024 * 1024;

async function copyRoot(image: BuiltImage, target: ByteDevice): Promise<void> {
  const { sizeBytes } = image.manifest.root;
  const source = await FileDevice.open(image.rootImagePath, 'r');
  // One buffer for all: new ones of this size have the garbage collector run for each few of them.
  const buffer = new Uint8Array(COPY_BYTES);
  try {
    for (let offset = 0; offset < sizeBytes; offset += COPY_BYTES) {
      const piece = buffer.subarray(0, sizeBytes - offset);
      await source.readInto(offset, piece);
      await target.write(offset, piece);
    }
  } finally {
    await source.close();
  }
}
