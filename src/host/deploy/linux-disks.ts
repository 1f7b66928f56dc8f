// The disks of a Linux computer: lsblk knows mounts, swap and what lies on top of a disk (RAID, LUKS, LVM) alike.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { UserError } from '../user-error.ts';
import { type Disk, mediumRefusal } from './disk.ts';

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

/** Of a card in a slot of the computer itself, which lsblk does not tell (Documentation/driver-api/mmc/mmc-dev-attrs.rst). */
export interface CardFacts {
  kind: 'sd' | 'emmc';
  /** Product name in the card's register. */
  name: string;
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

/** All disks, or what this path is. A card reader without a card is a disk of no size. */
export async function askLinux(path?: string): Promise<Disk[]> {
  const devices = await runLsblk(path === undefined ? [] : [path]);
  const wanted =
    path === undefined ? devices.filter(({ type, size }) => type === 'disk' && size > 0) : devices;
  return Promise.all(wanted.map(async (device) => toDisk(device, await readCardFacts(device.name))));
}

async function runLsblk(args: readonly string[]): Promise<LsblkDevice[]> {
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

async function readCardFacts(name: string): Promise<CardFacts | undefined> {
  if (!name.startsWith('mmcblk')) return undefined;
  const read = (fact: string): Promise<string> =>
    readFile(`/sys/class/block/${name}/device/${fact}`, 'utf8').then(
      (text) => text.trim(),
      () => '',
    );
  return { kind: (await read('type')) === 'MMC' ? 'emmc' : 'sd', name: await read('name') };
}

export function toDisk(device: LsblkDevice, card?: CardFacts): Disk {
  const mountPoints = mountPointsOf(device);
  const disk = {
    path: device.path,
    sizeBytes: device.size,
    model: [device.vendor, device.model ?? card?.name]
      .map((part) => part?.trim() ?? '')
      .filter(Boolean)
      .join(' '),
    transport: card?.kind ?? device.tran ?? '',
    removable: device.rm || device.hotplug,
    readOnly: device.ro,
    mountPoints,
  };
  const refusal = refusalOf(disk, device);
  if (refusal !== mountedRefusal(mountPoints)) return { ...disk, refusal };
  const quoted = mountPoints.map((point) => `"${point}"`).join(' ');
  return { ...disk, refusal, remedy: `Unmount it, for example by: sudo umount ${quoted}` };
}

function mountedRefusal(mountPoints: readonly string[]): string {
  return `it is mounted at "${mountPoints.join('", "')}"`;
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
  if (disk.mountPoints.length > 0) return mountedRefusal(disk.mountPoints);
  const other = OTHER_TYPES[device.type];
  if (other !== undefined) return other;
  const user = devicesOn(device).find(({ type }) => type !== 'part');
  if (user) return `"${user.path}" (${user.type}) lies on it`;
  if (disk.sizeBytes === 0) return 'there is no card in it';
  return mediumRefusal(disk, device['log-sec']);
}

function devicesOn(device: LsblkDevice): LsblkDevice[] {
  return (device.children ?? []).flatMap((child) => [child, ...devicesOn(child)]);
}
