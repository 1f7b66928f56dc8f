// Writes a built image to a disk and reads it back. The old partition table goes first and the new one comes
// last: a disk whose flashing was cut off does not look like a whole one.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { ByteDevice } from '../../formats/byte-source.ts';
import { layOutDisk, PERM_PARTITION, SECTOR_BYTES } from '../../shared/disk-layout.ts';
import type { BuiltImage } from '../build/build-image.ts';
import { writeDisk } from '../build/disk-image.ts';
import type { ProgressReporter } from '../components/progress.ts';
import { FileDevice } from '../files/file-device.ts';
import { UserError } from '../user-error.ts';
import type { Disk } from './list-disks.ts';

interface WrittenExtent {
  offsetBytes: number;
  lengthBytes: number;
  sha256: string;
}

/** Partition tables, and where every known file system has its superblock. */
const WIPED_BYTES = 1024 * 1024;

export async function flashDisk(
  image: BuiltImage,
  disk: Disk,
  options: { report: ProgressReporter; signal?: AbortSignal },
): Promise<void> {
  if (disk.refusal !== null) {
    throw new UserError(`Cannot flash "${disk.path}": ${disk.refusal}`, {
      hint: 'Run "tsk flash" to see the disks.',
    });
  }
  const layout = layOutDisk(disk.sizeBytes);
  const extents: WrittenExtent[] = [];
  // O_EXCL on a block device: fails while it is mounted, also by somebody who came after the check.
  const device = await openDisk(disk, constants.O_RDWR | constants.O_EXCL);
  const writing = options.report.start(`Writing ${disk.path}`, expectedBytes(image));
  try {
    const recorded = recordWrites(device, extents, writing.advance, options.signal);
    await wipe(recorded, disk.sizeBytes, layout.partitions[PERM_PARTITION - 1]!.firstSector * SECTOR_BYTES);
    extents.length = 0;
    await writeDisk(image, recorded, layout);
    await device.sync();
  } catch (cause) {
    throw describeFailure('write', disk, cause);
  } finally {
    await device.close();
  }
  writing.done();
  await verify(disk, extents, options);
}

/** Blank tables and a blank start of /perm, which the device then formats on its first boot. */
async function wipe(device: ByteDevice, diskBytes: number, permOffsetBytes: number): Promise<void> {
  const zeros = new Uint8Array(WIPED_BYTES);
  await device.write(0, zeros);
  await device.write(permOffsetBytes, zeros);
  await device.write(diskBytes - WIPED_BYTES, zeros);
}

function recordWrites(
  device: FileDevice,
  extents: WrittenExtent[],
  advance: (bytes: number) => void,
  signal: AbortSignal | undefined,
): ByteDevice {
  return {
    sizeBytes: device.sizeBytes,
    read: (offsetBytes, lengthBytes) => device.read(offsetBytes, lengthBytes),
    async write(offsetBytes, bytes) {
      signal?.throwIfAborted();
      await device.write(offsetBytes, bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      extents.push({ offsetBytes, lengthBytes: bytes.length, sha256 });
      advance(bytes.length);
    },
  };
}

/**
 * Reads every written extent again through a fresh descriptor: Linux drops a block device's cached pages when
 * its last user closes it, so the bytes come from the disk. Later writes to one place win.
 */
async function verify(
  disk: Disk,
  extents: readonly WrittenExtent[],
  options: { report: ProgressReporter; signal?: AbortSignal },
): Promise<void> {
  const total = extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const checking = options.report.start(`Checking ${disk.path}`, total);
  const device = await openDisk(disk, constants.O_RDONLY);
  try {
    for (const [index, extent] of extents.entries()) {
      options.signal?.throwIfAborted();
      if (isOverwritten(extent, extents.slice(index + 1))) continue;
      const bytes = await device.read(extent.offsetBytes, extent.lengthBytes);
      if (createHash('sha256').update(bytes).digest('hex') !== extent.sha256) {
        throw new UserError(
          `Cannot flash "${disk.path}": what it gives back at byte ${extent.offsetBytes} is not what was written`,
          { hint: 'The disk or its reader is defective, or it is smaller than it says. Try another one.' },
        );
      }
      checking.advance(extent.lengthBytes);
    }
  } catch (cause) {
    throw describeFailure('check', disk, cause);
  } finally {
    await device.close();
  }
  checking.done('the disk holds what was written');
}

function isOverwritten(extent: WrittenExtent, later: readonly WrittenExtent[]): boolean {
  return later.some(
    ({ offsetBytes, lengthBytes }) =>
      offsetBytes < extent.offsetBytes + extent.lengthBytes && extent.offsetBytes < offsetBytes + lengthBytes,
  );
}

async function openDisk(disk: Disk, flags: number): Promise<FileDevice> {
  try {
    return await FileDevice.open(disk.path, flags, disk.sizeBytes);
  } catch (cause) {
    throw describeFailure('open', disk, cause);
  }
}

function describeFailure(act: string, disk: Disk, cause: unknown): unknown {
  if (cause instanceof UserError || (cause as Error).name === 'AbortError') return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const hints: Record<string, string> = {
    EACCES: `Run the command with sudo, or give yourself the right to write "${disk.path}".`,
    EBUSY: 'Something uses the disk: close file managers and unmount it.',
    EROFS: 'The disk is write-protected.',
    EIO: 'The disk or its reader is defective: try another one.',
  };
  const hint = code === undefined ? undefined : hints[code];
  return new UserError(`Cannot ${act} "${disk.path}"`, { cause, ...(hint === undefined ? {} : { hint }) });
}

function expectedBytes(image: BuiltImage): number {
  const files = [...image.loaderFiles, ...image.slotFiles];
  const boot = files.reduce(
    (sum, { content }) => sum + (content.kind === 'bytes' ? content.bytes.length : content.sizeBytes),
    0,
  );
  return image.manifest.root.sizeBytes + boot;
}
