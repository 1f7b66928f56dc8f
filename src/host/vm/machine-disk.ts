// The disk of a virtual machine: a new one, or one that is kept with its /perm and gets the new system.

import { stat, rm, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { layOutDisk } from '../../shared/board/disk-layout.ts';
import type { BuiltImage } from '../build/build-image.ts';
import { DEFAULT_DISK_BYTES, writeDisk, writeDiskImage } from '../build/disk-image.ts';
import { FileDevice } from '../files/file-device.ts';
import { UserError } from '../user-error.ts';

const MIB = 1024 ** 2;

export interface MachineDisk {
  path: string;
  /** What is there is used again. */
  keep: boolean;
  /** Absent: as large as it is, or the size of a new one. */
  sizeBytes?: number | undefined;
}

/** Refuses before a build that takes minutes: a kept disk has data up to its end. */
export async function refuseSmallerDisk({ path, keep, sizeBytes }: MachineDisk): Promise<void> {
  const keptBytes = keep ? await sizeOf(path) : undefined;
  if (keptBytes === undefined || sizeBytes === undefined || layOutDisk(sizeBytes).diskBytes >= keptBytes)
    return;
  throw new UserError(
    `Cannot make the kept disk smaller: "${path}" has ${keptBytes / MIB} MiB, and ${Math.floor(sizeBytes / MIB)} MiB were asked for`,
    { hint: 'Leave out --disk, or delete that file with its data.' },
  );
}

export async function prepareDisk(image: BuiltImage, disk: MachineDisk, signal?: AbortSignal): Promise<void> {
  const { path, keep, sizeBytes } = disk;
  const keptBytes = keep ? await sizeOf(path) : undefined;
  if (keptBytes === undefined) {
    await rm(join(dirname(path), 'firmware-variables.fd'), { force: true });
    await writeDiskImage(image, path, {
      sizeBytes: sizeBytes ?? DEFAULT_DISK_BYTES,
      ...(signal && { signal }),
    });
    return;
  }
  // The device makes use of more room by itself.
  if (sizeBytes !== undefined) await truncate(path, Math.max(layOutDisk(sizeBytes).diskBytes, keptBytes));
  const device = await FileDevice.open(path, 'r+');
  try {
    await writeDisk(image, device, layOutDisk(device.sizeBytes));
  } finally {
    await device.close();
  }
}

/** undefined: there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
