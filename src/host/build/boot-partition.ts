// The boot partition: the boot loader, and a directory for each slot. The second slot holds nothing to start until the
// first update, but there must be room for it.

import { type ByteDevice, sourceOfBytes } from '../../formats/byte-source.ts';
import { FatSpaceError, layOutVolume } from '../../formats/fat/layout.ts';
import { type FatFile, type FatOptions, writeFat } from '../../formats/fat/writer.ts';
import { BOOT_PARTITION_BYTES, diskId } from '../../shared/board/disk-layout.ts';
import { FIRST_SLOT, type Slot, SLOTS } from '../../shared/board/slots.ts';
import { sourceOfFile } from '../files/file-device.ts';
import type { BootFile } from './boot-files.ts';
import { tooLarge } from './size-limit.ts';

const MIB = 1024 * 1024;

export interface BootPartition {
  hostname: string;
  timestampSec: number;
  loaderFiles: readonly BootFile[];
  /** Relative to the slot's directory. */
  slotFiles: readonly BootFile[];
}

export async function writeBootPartition(
  partition: BootPartition,
  device: ByteDevice,
  /** The partition's place on its disk. */
  firstSector: number,
): Promise<void> {
  await writeFat(device, {
    ...volumeOptions(partition, [FIRST_SLOT], device.sizeBytes),
    hiddenSectors: firstSector,
  });
}

/** Throws UserError when the next update, with files as large as these in the other slot, would not fit. */
export function checkBootPartition(partition: BootPartition, sizeBytes = BOOT_PARTITION_BYTES): void {
  try {
    layOutVolume(volumeOptions(partition, SLOTS, sizeBytes));
  } catch (cause) {
    if (!(cause instanceof FatSpaceError)) throw cause;
    const files = [...partition.loaderFiles, ...partition.slotFiles].map(({ path, content }) => ({
      name: partition.loaderFiles.some((file) => file.path === path) ? path : `${path} (once for each slot)`,
      sizeBytes: content.kind === 'bytes' ? content.bytes.length : content.sizeBytes,
    }));
    const sizes = { neededBytes: sizeBytes + cause.excessBytes, maxBytes: sizeBytes };
    throw tooLarge('Cannot build the boot partition', sizes, files);
  }
}

/** The smallest partition, in whole MiB, that takes the files with those of both slots. */
export function neededBootBytes(partition: BootPartition): number {
  let tooSmall = 0;
  let enough = BOOT_PARTITION_BYTES / MIB;
  while (enough - tooSmall > 1) {
    const middle = Math.floor((tooSmall + enough) / 2);
    if (fits(partition, middle * MIB)) enough = middle;
    else tooSmall = middle;
  }
  return enough * MIB;
}

function fits(partition: BootPartition, sizeBytes: number): boolean {
  try {
    layOutVolume(volumeOptions(partition, SLOTS, sizeBytes));
    return true;
  } catch (error) {
    // The base class says that such a small volume would be of a type that we do not write.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function volumeOptions(
  { hostname, timestampSec, loaderFiles, slotFiles }: BootPartition,
  filledSlots: readonly Slot[],
  sizeBytes: number,
): FatOptions {
  const inSlots = filledSlots.flatMap((slot) =>
    slotFiles.map((file) => ({ ...file, path: `${slot}/${file.path}` })),
  );
  return {
    sizeBytes,
    hiddenSectors: 0,
    label: 'TSKRAZY',
    volumeId: diskId(hostname),
    timestampSec,
    files: [...loaderFiles, ...inSlots].map(toFatFile),
    directories: SLOTS,
    zones: SLOTS,
  };
}

function toFatFile({ path, content }: BootFile): FatFile {
  return {
    path,
    content:
      content.kind === 'bytes' ? sourceOfBytes(content.bytes) : sourceOfFile(content.path, content.sizeBytes),
  };
}
