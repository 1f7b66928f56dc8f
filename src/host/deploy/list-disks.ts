// The disks of this computer, and why each may or may not be written; also image files, which are written as disks are.

import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../user-error.ts';
import { compareDisks, type Disk, sizeRefusal } from './disk.ts';
import { askLinux } from './linux-disks.ts';
import { askMac } from './mac-disks.ts';

export async function listDisks(): Promise<Disk[]> {
  return (await askSystem()).toSorted(compareDisks);
}

/** The disk, partition or image file that `target` names. UserError when there is none. */
export async function findDisk(target: string): Promise<Disk> {
  const path = resolve(target);
  const info = await stat(path).catch(async (cause: unknown) => {
    const meant = await deviceCalled(target);
    const help = meant === undefined ? '' : `: did you mean "${meant}"?`;
    throw new UserError(`Cannot flash "${target}": there is no such device or file${help}`, {
      cause,
      hint: 'Run "tsk flash" without a device to see the disks, or make an image file with "tsk build --disk FILE".',
    });
  });
  if (info.isFile()) return imageFile(await realpath(path), info.size);
  // A disk of macOS has a second, raw device, which is not of blocks.
  if (!info.isBlockDevice() && !(process.platform === 'darwin' && info.isCharacterDevice())) {
    throw new UserError(`Cannot flash "${target}": it is neither a disk nor an image file`, {
      topic: 'flash-refused',
      hint: 'Run "tsk flash" without a device to see the disks.',
    });
  }
  const [disk] = await askSystem(path);
  if (!disk) throw new UserError(`Cannot flash "${target}": this computer knows no such disk`);
  return disk;
}

/** Of a name as lsblk and the kernel's log have it. */
async function deviceCalled(name: string): Promise<string | undefined> {
  if (name.includes('/')) return undefined;
  const path = join('/dev', name);
  const isDevice = await stat(path).then(
    (info) => info.isBlockDevice(),
    () => false,
  );
  return isDevice ? path : undefined;
}

/** All disks, or what this path is. */
function askSystem(path?: string): Promise<Disk[]> {
  if (process.platform === 'linux') return askLinux(path);
  if (process.platform === 'darwin') return askMac(path);
  throw new UserError('Cannot list the disks of this computer: tsk can do that on Linux and macOS only', {
    hint: 'Make an image with "tsk build --disk FILE" and write it with Raspberry Pi Imager or balenaEtcher.',
  });
}

async function imageFile(path: string, sizeBytes: number): Promise<Disk> {
  const user = await loopDeviceOf(path);
  const tooSmall = sizeRefusal(sizeBytes);
  return {
    path,
    sizeBytes,
    model: 'image file',
    transport: '',
    removable: false,
    readOnly: false,
    mountPoints: [],
    refusal: user === undefined ? tooSmall : `it is in use as "${user}"`,
    ...(user === undefined && tooSmall !== null
      ? { remedy: 'Write to a larger file, or have "tsk build --disk FILE" make one.' }
      : {}),
  };
}

/** The loop device through which the file is used as a disk (Documentation/ABI/stable/sysfs-block). */
async function loopDeviceOf(path: string): Promise<string | undefined> {
  for (const name of await readdir('/sys/block').catch(() => [])) {
    const backing = await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => undefined);
    if (backing?.trimEnd() === path) return `/dev/${name}`;
  }
  return undefined;
}
