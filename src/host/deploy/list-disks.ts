// The disks of this computer, and why each may or may not be written. Linux only: lsblk knows mounts, swap
// and what lies on top of a disk (RAID, LUKS, LVM) alike.

import { execFile } from 'node:child_process';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { MIN_DISK_BYTES, SECTOR_BYTES } from '../../shared/board/disk-layout.ts';
import { UserError } from '../user-error.ts';

export interface Disk {
  path: string;
  sizeBytes: number;
  /** Vendor and model, when the disk tells. */
  model: string;
  /** `usb`, `nvme`, `mmc`, ... or '' */
  transport: string;
  removable: boolean;
  readOnly: boolean;
  mountPoints: readonly string[];
  /** Why it cannot be flashed, as the end of a sentence; null when it can. */
  refusal: string | null;
}

/** What lsblk says of a device, and of all that lies on it. */
export interface LsblkDevice {
  name: string;
  path: string;
  size: number;
  type: string;
  model: string | null;
  vendor: string | null;
  tran: string | null;
  rm: boolean;
  hotplug: boolean;
  ro: boolean;
  'log-sec': number;
  mountpoints: readonly (string | null)[];
  children?: readonly LsblkDevice[];
}

const COLUMNS = 'NAME,PATH,SIZE,TYPE,MODEL,VENDOR,TRAN,RM,HOTPLUG,RO,LOG-SEC,MOUNTPOINTS';
const SYSTEM_MOUNTS = new Set([
  '/',
  '/usr',
  '/boot',
  '/boot/efi',
  '/boot/firmware',
  '/efi',
  '/home',
  '/var',
  '[SWAP]',
]);

export async function listDisks(): Promise<Disk[]> {
  return (await runLsblk([])).filter((device) => device.type === 'disk' && device.size > 0).map(toDisk);
}

/** The disk, partition or image file that `target` names. UserError when there is none. */
export async function findDisk(target: string): Promise<Disk> {
  const path = resolve(target);
  const info = await stat(path).catch((cause: unknown) => {
    throw new UserError(`Cannot flash "${target}": there is no such device or file`, {
      cause,
      hint: 'Run "tsk flash" without a device to see the disks, or make an image file with "tsk build --disk FILE".',
    });
  });
  if (info.isFile()) return imageFile(await realpath(path), info.size);
  if (!info.isBlockDevice()) {
    throw new UserError(`Cannot flash "${target}": it is neither a disk nor an image file`, {
      topic: 'flash-refused',
      hint: 'Run "tsk flash" without a device to see the disks.',
    });
  }
  const [device] = await runLsblk([path]);
  if (!device) throw new UserError(`Cannot flash "${target}": lsblk does not know it`);
  return toDisk(device);
}

async function runLsblk(args: readonly string[]): Promise<LsblkDevice[]> {
  if (process.platform !== 'linux') {
    throw new UserError('Cannot list the disks of this computer: tsk can do that on Linux only', {
      hint: 'Make an image with "tsk build --disk FILE" and write it with Raspberry Pi Imager or balenaEtcher.',
    });
  }
  try {
    const { stdout } = await promisify(execFile)('lsblk', [
      '--json',
      '--bytes',
      '--output',
      COLUMNS,
      ...args,
    ]);
    return (JSON.parse(stdout) as { blockdevices: LsblkDevice[] }).blockdevices;
  } catch (cause) {
    throw new UserError('Cannot list the disks of this computer: lsblk failed', {
      cause,
      hint: 'lsblk is part of util-linux, 2.37 or newer: install it, or write an image made by "tsk build --disk FILE" by hand.',
    });
  }
}

export function toDisk(device: LsblkDevice): Disk {
  const mountPoints = mountPointsOf(device);
  const disk = {
    path: device.path,
    sizeBytes: device.size,
    model: [device.vendor, device.model]
      .map((part) => part?.trim() ?? '')
      .filter(Boolean)
      .join(' '),
    transport: device.tran ?? '',
    removable: device.rm || device.hotplug,
    readOnly: device.ro,
    mountPoints,
  };
  return { ...disk, refusal: refusalOf(disk, device) };
}

function mountPointsOf(device: LsblkDevice): string[] {
  return [device, ...devicesOn(device)].flatMap(({ mountpoints }) =>
    mountpoints.filter((point) => point !== null),
  );
}

/** Types of lsblk that are no disks. */
const OTHER_TYPES: Readonly<Record<string, string>> = {
  part: 'it is a partition, and an image needs a whole disk',
  lvm: 'it is a logical volume, and an image needs a whole disk',
  crypt: 'it is an encrypted volume, and an image needs a whole disk',
  rom: 'it is an optical drive',
};

function refusalOf(disk: Omit<Disk, 'refusal'>, device: LsblkDevice): string | null {
  const system = disk.mountPoints.find((point) => SYSTEM_MOUNTS.has(point));
  if (system !== undefined) {
    return system === '[SWAP]'
      ? 'this computer swaps to it'
      : `this computer runs from it ("${system}" is on it)`;
  }
  if (disk.mountPoints.length > 0) return `it is mounted at "${disk.mountPoints.join('", "')}"`;
  const other = OTHER_TYPES[device.type];
  if (other !== undefined) return other;
  const user = devicesOn(device).find(({ type }) => type !== 'part');
  if (user) return `"${user.path}" (${user.type}) lies on it`;
  if (disk.readOnly) return 'it is read-only (a card may have a lock switch)';
  if (device['log-sec'] !== SECTOR_BYTES) {
    return `it has sectors of ${device['log-sec']} bytes, and an image is made for ${SECTOR_BYTES}`;
  }
  return sizeRefusal(disk.sizeBytes);
}

function devicesOn(device: LsblkDevice): LsblkDevice[] {
  return (device.children ?? []).flatMap((child) => [child, ...devicesOn(child)]);
}

async function imageFile(path: string, sizeBytes: number): Promise<Disk> {
  const user = await loopDeviceOf(path);
  return {
    path,
    sizeBytes,
    model: 'image file',
    transport: '',
    removable: true,
    readOnly: false,
    mountPoints: [],
    refusal: user === undefined ? sizeRefusal(sizeBytes) : `it is in use as "${user}"`,
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

function sizeRefusal(sizeBytes: number): string | null {
  if (sizeBytes >= MIN_DISK_BYTES) return null;
  return `it is too small: it has ${mib(sizeBytes)} MiB and ${mib(MIN_DISK_BYTES)} MiB are needed`;
}

function mib(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
