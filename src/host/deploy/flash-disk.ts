// Writes a built image to a disk and reads it back. The old partition table goes first and the new one comes
// last: a disk whose flashing was cut off does not look like a whole one.

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import type { ByteDevice } from '../../formats/byte-source.ts';
import { type DiskLayout, layOutDisk, PERM_PARTITION, SECTOR_BYTES } from '../../shared/board/disk-layout.ts';
import { FIRST_SLOT, otherSlot, SLOT_PARTITION } from '../../shared/board/slots.ts';
import type { BuiltImage } from '../build/build-image.ts';
import { writeDisk } from '../build/disk-image.ts';
import type { ProgressReporter, ProgressStep } from '../progress.ts';
import { FileDevice } from '../files/file-device.ts';
import { UserError } from '../user-error.ts';
import type { Disk } from './disk.ts';
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
const WIPED_PLACES = 4;

/** The kernel takes everything at once and writes for minutes: in between, progress is true and Ctrl-C heard. */
const SYNC_BYTES = 32 * 1024 * 1024;

export async function flashDisk(image: BuiltImage, disk: Disk, options: FlashOptions): Promise<void> {
  if (disk.refusal !== null) {
    throw new UserError(`Cannot flash "${disk.path}": ${disk.refusal}`, {
      hint: 'Run "tsk flash" to see the disks.',
    });
  }
  const written = await write(image, disk, options);
  if (disk.rawPath !== undefined) return;
  // Through a fresh descriptor, and after the kernel has dropped what it had in memory: from the disk itself.
  await tellKernel('--flushbufs', disk);
  const target = await openDisk(disk, options, constants.O_RDONLY);
  try {
    await verify(disk, target, written, options);
  } finally {
    await target.close();
  }
  await tellKernel('--rereadpt', disk);
}

async function write(image: BuiltImage, disk: Disk, options: FlashOptions): Promise<WrittenSectors> {
  const layout = layOutDisk(disk.sizeBytes);
  // O_EXCL on a block device of Linux: fails while it is mounted, also by somebody who came after the check.
  const target = await openDisk(disk, options, constants.O_RDWR | constants.O_EXCL);
  try {
    const written = await writeAll(image, disk, target, layout, options);
    // macOS mounts a disk, and writes to it, as soon as nobody has it open for writing. A raw device has nothing in memory.
    if (disk.rawPath !== undefined) await verify(disk, target, written, options);
    return written;
  } finally {
    await target.close();
  }
}

async function writeAll(
  image: BuiltImage,
  disk: Disk,
  target: FlashTarget,
  layout: DiskLayout,
  options: FlashOptions,
): Promise<WrittenSectors> {
  const step = options.report.start(`Writing ${disk.path}`, expectedBytes(image));
  try {
    let isWiped = false;
    const goOn = (): void => {
      // Not earlier: what is left of an interrupted writing must not look like the old disk.
      if (isWiped) options.signal?.throwIfAborted();
    };
    const written = new WrittenSectors(steadyDevice(target, step, goOn));
    await wipe(written, layout);
    await target.flush();
    isWiped = true;
    await writeDisk(image, written, layout);
    await target.flush();
    step.done();
    return written;
  } catch (cause) {
    throw await describeFailure(disk, options, cause, {
      act: 'write',
      interrupted: 'written: it does not boot now',
      hint: 'Flash it again before you use it.',
    });
  }
}

/**
 * Both partition tables, and where the empty slot's root and /perm start: the device formats a blank /perm on its first boot,
 * and what somebody else had there is none of its business. Read back, too: a card with a fake capacity shows that at its end.
 */
async function wipe(disk: ByteDevice, layout: DiskLayout): Promise<void> {
  const zeros = new Uint8Array(WIPED_BYTES);
  const starts = [SLOT_PARTITION[otherSlot(FIRST_SLOT)], PERM_PARTITION].map(
    (number) => layout.partitions[number - 1]!.firstSector * SECTOR_BYTES,
  );
  // The size in whole sectors: a device's last ones are where an old backup table is looked for.
  for (const offsetBytes of [0, ...starts, layout.diskBytes - WIPED_BYTES]) {
    await disk.write(offsetBytes, zeros);
  }
}

/** `goOn` throws to have the writing stop. */
function steadyDevice(target: FlashTarget, step: ProgressStep, goOn: () => void): ByteDevice {
  let unsyncedBytes = 0;
  return {
    sizeBytes: target.sizeBytes,
    read: (offsetBytes, lengthBytes) => target.read(offsetBytes, lengthBytes),
    async write(offsetBytes, bytes) {
      goOn();
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

async function verify(
  disk: Disk,
  target: FlashTarget,
  written: WrittenSectors,
  options: FlashOptions,
): Promise<void> {
  const step = options.report.start(`Checking ${disk.path}`, written.writtenBytes);
  try {
    const difference = await written.findDifference(target, (bytes) => {
      options.signal?.throwIfAborted();
      step.advance(bytes);
    });
    if (difference !== undefined) {
      throw new UserError(
        `Cannot flash "${disk.path}": what it gives back at byte ${difference} is not what was written`,
        {
          hint: 'The disk or its reader is defective, or it is smaller than it says (a fake capacity). Try another one.',
        },
      );
    }
    step.done('the disk holds what was written');
  } catch (cause) {
    throw await describeFailure(disk, options, cause, {
      act: 'check',
      interrupted: 'checked: all was written, but not all was read back',
      hint: 'Flash it again to be sure.',
    });
  }
}

async function openDisk(disk: Disk, options: FlashOptions, flags: number): Promise<FlashTarget> {
  try {
    if (options.open) return await options.open(flags);
    return await FileDevice.open(disk.rawPath ?? disk.path, flags, disk.sizeBytes);
  } catch (cause) {
    throw await describeFailure(disk, options, cause, { act: 'open' });
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

async function describeFailure(
  disk: Disk,
  { signal }: FlashOptions,
  cause: unknown,
  state: { act: string; interrupted?: string; hint?: string },
): Promise<unknown> {
  if (signal?.aborted === true && cause === signal.reason && state.interrupted !== undefined) {
    const message = `Interrupted while "${disk.path}" was ${state.interrupted}`;
    return new UserError(message, { cause, ...(state.hint === undefined ? {} : { hint: state.hint }) });
  }
  if (cause instanceof UserError) return cause;
  const { code = '' } = cause as NodeJS.ErrnoException;
  const act = `Cannot ${state.act} "${disk.path}"`;
  if (!REFUSALS.has(code) && (await isGone(disk))) {
    return new UserError(`${act}: it was pulled out`, {
      cause,
      hint: 'Put it back, and flash it again before you use it.',
    });
  }
  const known = PROBLEMS[code];
  return known
    ? new UserError(`${act}: ${known.problem}`, { cause, hint: known.hint })
    : new Error(act, { cause });
}

/** Codes of a disk that is there. */
const REFUSALS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EBUSY', 'EROFS']);

/** Whether the disk has gone, or the card out of its reader: that stays, as a disk of no size. */
async function isGone({ path }: Disk): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return true;
  if (process.platform !== 'linux' || !info.isBlockDevice()) return false;
  // A node in /dev may outlive its disk where nobody looks after them, as in a container.
  const sectors = await readFile(`/sys/class/block/${basename(path)}/size`, 'utf8').catch(() => '0');
  return Number(sectors) === 0;
}

function expectedBytes(image: BuiltImage): number {
  const files = [...image.loaderFiles, ...image.slotFiles];
  const boot = files.reduce(
    (sum, { content }) => sum + (content.kind === 'bytes' ? content.bytes.length : content.sizeBytes),
    0,
  );
  return image.manifest.root.sizeBytes + boot + WIPED_PLACES * WIPED_BYTES;
}
