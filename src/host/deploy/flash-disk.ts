// Writes a built image to a disk and reads it back. The old partition table goes first and the new one comes
// last: a disk whose flashing was cut off does not look like a whole one.

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ByteDevice } from '../../formats/byte-source.ts';
import { type DiskLayout, layOutDisk, PERM_PARTITION, SECTOR_BYTES } from '../../shared/board/disk-layout.ts';
import { FIRST_SLOT, otherSlot, SLOT_PARTITION } from '../../shared/board/slots.ts';
import type { BuiltImage } from '../build/build-image.ts';
import { writeDisk } from '../build/disk-image.ts';
import type { ProgressReporter, ProgressStep } from '../progress.ts';
import { FileDevice } from '../files/file-device.ts';
import { UserError } from '../user-error.ts';
import type { Disk } from './list-disks.ts';
import { WrittenSectors } from './written-sectors.ts';

/** The disk, opened once to be written and once more to be read back. */
export interface FlashTarget extends ByteDevice {
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface FlashOptions {
  report: ProgressReporter;
  signal?: AbortSignal;
  /** Set by tests: another way to the disk. */
  open?: (flags: number) => Promise<FlashTarget>;
}

/** Partition tables lie in it, and the superblock of every known file system; the device looks no further either. */
const WIPED_BYTES = 1024 * 1024;

/** The kernel takes everything at once and writes for minutes: in between, progress is true and Ctrl-C heard. */
const SYNC_BYTES = 32 * 1024 * 1024;

export async function flashDisk(image: BuiltImage, disk: Disk, options: FlashOptions): Promise<void> {
  if (disk.refusal !== null) {
    throw new UserError(`Cannot flash "${disk.path}": ${disk.refusal}`, {
      hint: 'Run "tsk flash" to see the disks.',
    });
  }
  const written = await write(image, disk, options);
  await tellKernel('--flushbufs', disk);
  await verify(disk, written, options);
  await tellKernel('--rereadpt', disk);
}

async function write(image: BuiltImage, disk: Disk, options: FlashOptions): Promise<WrittenSectors> {
  const layout = layOutDisk(disk.sizeBytes);
  // O_EXCL on a block device: fails while it is mounted, also by somebody who came after the check.
  const target = await openDisk(disk, options, constants.O_RDWR | constants.O_EXCL);
  const step = options.report.start(`Writing ${disk.path}`, expectedBytes(image));
  try {
    await wipe(target, layout);
    await target.flush();
    const written = new WrittenSectors(steadyDevice(target, step, options.signal));
    await writeDisk(image, written, layout);
    await target.flush();
    step.done();
    return written;
  } catch (cause) {
    throw describeFailure(disk, options, cause, {
      act: 'write',
      interrupted: 'written: it does not boot now',
      hint: 'Flash it again before you use it.',
    });
  } finally {
    await target.close();
  }
}

/**
 * Both partition tables, and where the empty slot's root and /perm start: the device formats a blank /perm on its first boot,
 * and what somebody else had there is none of its business.
 */
async function wipe(target: FlashTarget, layout: DiskLayout): Promise<void> {
  const zeros = new Uint8Array(WIPED_BYTES);
  const starts = [SLOT_PARTITION[otherSlot(FIRST_SLOT)], PERM_PARTITION].map(
    (number) => layout.partitions[number - 1]!.firstSector * SECTOR_BYTES,
  );
  // The size in whole sectors: a device's last ones are where an old backup table is looked for.
  for (const offsetBytes of [0, ...starts, layout.diskBytes - WIPED_BYTES]) {
    await target.write(offsetBytes, zeros);
  }
}

function steadyDevice(target: FlashTarget, step: ProgressStep, signal: AbortSignal | undefined): ByteDevice {
  let unsyncedBytes = 0;
  return {
    sizeBytes: target.sizeBytes,
    read: (offsetBytes, lengthBytes) => target.read(offsetBytes, lengthBytes),
    async write(offsetBytes, bytes) {
      signal?.throwIfAborted();
      await target.write(offsetBytes, bytes);
      unsyncedBytes += bytes.length;
      if (unsyncedBytes >= SYNC_BYTES) {
        await target.flush();
        unsyncedBytes = 0;
      }
      step.advance(bytes.length);
    },
  };
}

/** Through a fresh descriptor, and after the kernel has dropped what it had in memory: from the disk itself. */
async function verify(disk: Disk, written: WrittenSectors, options: FlashOptions): Promise<void> {
  const target = await openDisk(disk, options, constants.O_RDONLY);
  const step = options.report.start(`Checking ${disk.path}`, written.writtenBytes);
  try {
    const difference = await written.findDifference(target, (bytes) => {
      options.signal?.throwIfAborted();
      step.advance(bytes);
    });
    if (difference !== undefined) {
      throw new UserError(
        `Cannot flash "${disk.path}": what it gives back at byte ${difference} is not what was written`,
        { hint: 'The disk or its reader is defective, or it is smaller than it says. Try another one.' },
      );
    }
    step.done('the disk holds what was written');
  } catch (cause) {
    throw describeFailure(disk, options, cause, {
      act: 'check',
      interrupted: 'checked: all was written, but not all was read back',
      hint: 'Flash it again to be sure.',
    });
  } finally {
    await target.close();
  }
}

async function openDisk(disk: Disk, options: FlashOptions, flags: number): Promise<FlashTarget> {
  try {
    return options.open ? await options.open(flags) : await FileDevice.open(disk.path, flags, disk.sizeBytes);
  } catch (cause) {
    throw describeFailure(disk, options, cause, { act: 'open' });
  }
}

/**
 * blockdev(8) has the ioctls that Node.js lacks. Only a help: where it fails, others hold the disk open, the
 * kernel forgets what it read when the last of them closes it, and finds the partitions then.
 */
async function tellKernel(option: '--flushbufs' | '--rereadpt', disk: Disk): Promise<void> {
  try {
    if ((await stat(disk.path)).isBlockDevice()) await promisify(execFile)('blockdev', [option, disk.path]);
  } catch {
    // The disk is not there, is busy, or needs root.
  }
}

const DENIED = {
  problem: 'permission denied',
  hint: 'Run the command with sudo, or as a user who may write it.',
};
const PROBLEMS: Readonly<Record<string, { problem: string; hint: string }>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EBUSY: { problem: 'something uses it', hint: 'Close file managers and unmount it.' },
  EROFS: { problem: 'it is write-protected', hint: 'A card may have a lock switch.' },
  EIO: { problem: 'it reports an error', hint: 'The disk or its reader is defective: try another one.' },
  ENOSPC: { problem: 'it is smaller than it says', hint: 'Try another one.' },
};

function describeFailure(
  disk: Disk,
  { signal }: FlashOptions,
  cause: unknown,
  state: { act: string; interrupted?: string; hint?: string },
): unknown {
  if (signal?.aborted === true && cause === signal.reason && state.interrupted !== undefined) {
    const message = `Interrupted while "${disk.path}" was ${state.interrupted}`;
    return new UserError(message, { cause, ...(state.hint === undefined ? {} : { hint: state.hint }) });
  }
  if (cause instanceof UserError) return cause;
  const known = PROBLEMS[(cause as NodeJS.ErrnoException).code ?? ''];
  const act = `Cannot ${state.act} "${disk.path}"`;
  return known
    ? new UserError(`${act}: ${known.problem}`, { cause, hint: known.hint })
    : new Error(act, { cause });
}

function expectedBytes(image: BuiltImage): number {
  const files = [...image.loaderFiles, ...image.slotFiles];
  const boot = files.reduce(
    (sum, { content }) => sum + (content.kind === 'bytes' ? content.bytes.length : content.sizeBytes),
    0,
  );
  return image.manifest.root.sizeBytes + boot;
}
