// Writes a built image to where it is wanted: a whole disk (partition tables, boot partition, root in slot a),
// or the boot or root partition alone.

import type { ByteDevice } from '../../formats/byte-source.ts';
import { sliceDevice, sourceOfBytes } from '../../formats/byte-source.ts';
import { type FatFile, writeFat } from '../../formats/fat/writer.ts';
import { encodeGpt } from '../../formats/gpt.ts';
import { encodeHybridMbr } from '../../formats/mbr.ts';
import {
  BOOT_PARTITION,
  BOOT_PARTITION_BYTES,
  type DiskLayout,
  diskGuid,
  diskId,
  layOutDisk,
  ROOT_A_PARTITION,
  SECTOR_BYTES,
} from '../../shared/disk-layout.ts';
import { SLOTS } from '../../shared/slots.ts';
import { FileDevice, sourceOfFile } from '../files/file-device.ts';
import { writeOutputFile } from '../files/output-file.ts';
import { UserError } from '../user-error.ts';
import type { BootFile } from './boot-files.ts';
import type { BuiltImage } from './build-image.ts';

/** Large enough for a first try in a VM, small enough for any card. */
export const DEFAULT_DISK_BYTES = 2 * 1024 ** 3;

const EFI_SYSTEM_TYPE = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
const LINUX_DATA_TYPE = '0fc63daf-8483-4772-8e79-3d69d8477de4';
/** "Root partition" of the Discoverable Partitions Specification, per architecture. */
const LINUX_ROOT_TYPES = {
  x64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
  arm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
} as const;

export async function writeDiskImage(
  image: BuiltImage,
  path: string,
  options: { sizeBytes?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const layout = layOutDisk(options.sizeBytes ?? DEFAULT_DISK_BYTES);
  await writeOutputFile(
    path,
    'the disk image',
    (temporary) => withNewFile(temporary, layout.diskBytes, (device) => writeDisk(image, device, layout)),
    options.signal,
  );
}

export async function writeBootImage(image: BuiltImage, path: string): Promise<void> {
  await writeOutputFile(path, 'the boot image', (temporary) =>
    withNewFile(temporary, BOOT_PARTITION_BYTES, (device) => writeBootPartition(image, device, 8192)),
  );
}

export async function writeRootFile(image: BuiltImage, path: string): Promise<void> {
  await writeOutputFile(path, 'the root image', (temporary) =>
    withNewFile(temporary, image.manifest.root.sizeBytes, (device) => copyRoot(image, device)),
  );
}

/** Fills a disk that holds nothing yet. `/perm` stays blank: the device formats it on its first boot. */
export async function writeDisk(image: BuiltImage, disk: ByteDevice, layout: DiskLayout): Promise<void> {
  await copyRoot(image, partitionOf(disk, layout, ROOT_A_PARTITION));
  const boot = layout.partitions[BOOT_PARTITION - 1]!;
  await writeBootPartition(image, partitionOf(disk, layout, BOOT_PARTITION), boot.firstSector);
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
  const rootType = LINUX_ROOT_TYPES[image.board.nodeArch];
  const kinds = [
    { typeGuid: EFI_SYSTEM_TYPE, name: 'boot' },
    { typeGuid: rootType, name: 'root a' },
    { typeGuid: LINUX_DATA_TYPE, name: 'root b' },
    { typeGuid: LINUX_DATA_TYPE, name: 'perm' },
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

async function writeBootPartition(image: BuiltImage, device: ByteDevice, firstSector: number): Promise<void> {
  const slotFiles = image.slotFiles.map((file) => ({ ...file, path: `a/${file.path}` }));
  await writeFat(device, {
    sizeBytes: device.sizeBytes,
    hiddenSectors: firstSector,
    label: 'TSKRAZY',
    volumeId: diskId(image.hostname),
    timestampSec: image.manifest.buildTimeSec,
    files: [...image.loaderFiles, ...slotFiles].map(toFatFile),
    directories: SLOTS,
    zones: SLOTS,
  }).catch((cause: unknown) => {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UserError('Cannot build the boot partition', { cause });
  });
}

function toFatFile({ path, content }: BootFile): FatFile {
  return {
    path,
    content:
      content.kind === 'bytes' ? sourceOfBytes(content.bytes) : sourceOfFile(content.path, content.sizeBytes),
  };
}

const COPY_BYTES = 4 * 1024 * 1024;

async function copyRoot(image: BuiltImage, target: ByteDevice): Promise<void> {
  const { sizeBytes } = image.manifest.root;
  const source = await FileDevice.open(image.rootImagePath, 'r');
  try {
    for (let offset = 0; offset < sizeBytes; offset += COPY_BYTES) {
      await target.write(offset, await source.read(offset, Math.min(COPY_BYTES, sizeBytes - offset)));
    }
  } finally {
    await source.close();
  }
}

async function withNewFile(
  path: string,
  sizeBytes: number,
  write: (device: FileDevice) => Promise<void>,
): Promise<void> {
  const device = await FileDevice.create(path, sizeBytes);
  try {
    await write(device);
  } finally {
    await device.close();
  }
}
