// The disks of a Mac, as diskutil(8) tells. Written are only those that it takes for removable or external: `Internal` would
// not do, because a card in the built-in reader is internal. What is mounted is no obstacle, for macOS mounts each
// card that it can read: the system is asked to let go of it before the writing.

import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { parsePlist, type PlistValue } from '../../formats/plist.ts';
import { UserError } from '../user-error.ts';
import { type Disk, mediumRefusal } from './disk.ts';

/** Runs diskutil; its standard output. */
export type RunDiskutil = (args: readonly string[]) => Promise<string>;

type Dictionary = Readonly<Record<string, PlistValue>>;

/** All disks, or what this path is. */
export async function askMac(path?: string, run: RunDiskutil = runDiskutil): Promise<Disk[]> {
  const all = await ask(run, ['list', '-plist']);
  // The raw device of a disk has another name, which diskutil does not know.
  const given = path === undefined ? [] : [basename(path).replace(/^rdisk/, 'disk')];
  const names = path === undefined ? listOf(all['WholeDisks']).map(textOf) : given;
  const disks: Disk[] = [];
  for (const name of names) {
    const disk = toMacDisk(await ask(run, ['info', '-plist', name]), mountPointsOf(all, name));
    // A reader without a card is a disk of no size.
    if (path !== undefined || disk.sizeBytes > 0) disks.push(disk);
  }
  return disks;
}

export async function unmountMacDisk(path: string, run: RunDiskutil = runDiskutil): Promise<void> {
  try {
    await run(['unmountDisk', path]);
  } catch (cause) {
    throw new UserError(`Cannot flash "${path}": macOS does not let go of it`, {
      cause,
      hint: 'Close what uses the volumes on it.',
    });
  }
}

async function ask(run: RunDiskutil, args: readonly string[]): Promise<Dictionary> {
  try {
    return dictionaryOf(parsePlist(await run(args)));
  } catch (cause) {
    const said = errorMessageOf(cause);
    const how = said === '' ? 'failed' : `says "${said}"`;
    throw new UserError(`Cannot list the disks of this computer: "diskutil ${args.join(' ')}" ${how}`, {
      cause,
      hint: 'Make an image with "tsk build --disk FILE" and write it with Raspberry Pi Imager or balenaEtcher.',
    });
  }
}

/** A diskutil that fails prints a list with the reason, too, where it was asked for lists. */
function errorMessageOf(cause: unknown): string {
  const { stdout } = cause as { stdout?: string };
  try {
    return textOf(dictionaryOf(parsePlist(stdout ?? ''))['ErrorMessage']);
  } catch {
    return '';
  }
}

async function runDiskutil(args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('/usr/sbin/diskutil', [...args], {
    maxBuffer: 16 * 1024 ** 2,
  });
  return stdout;
}

const TRANSPORTS: Readonly<Record<string, string>> = {
  USB: 'usb',
  'Secure Digital': 'sd',
  'PCI-Express': 'nvme',
  'Apple Fabric': 'nvme',
  SATA: 'sata',
  Thunderbolt: 'thunderbolt',
};

/** The bus of an image that is attached, which passes for a medium that can be removed. */
const DISK_IMAGE = 'Disk Image';

function toMacDisk(info: Dictionary, mountPoints: readonly string[]): Disk {
  const name = textOf(info['DeviceIdentifier']);
  const bus = textOf(info['BusProtocol']);
  const disk = {
    path: `/dev/${name}`,
    rawPath: `/dev/r${name}`,
    sizeBytes: Number(info['TotalSize'] ?? info['Size'] ?? 0),
    model: textOf(info['MediaName']).trim(),
    transport: TRANSPORTS[bus] ?? bus.toLowerCase(),
    removable: info['RemovableMediaOrExternalDevice'] === true,
    readOnly: info['WritableMedia'] === false,
    mountPoints,
  };
  return { ...disk, refusal: refusalOf(disk, info) };
}

function refusalOf(disk: Omit<Disk, 'refusal'>, info: Dictionary): string | null {
  if (disk.mountPoints.includes('/')) return 'this computer runs from it ("/" is on it)';
  if (info['WholeDisk'] !== true) return 'it is a partition, and an image needs a whole disk';
  if (info['VirtualOrPhysical'] === 'Virtual' || info['BusProtocol'] === DISK_IMAGE)
    return 'it is a volume or an image, and no disk of its own';
  if (!disk.removable) return 'it is a built-in disk of this computer';
  if (disk.sizeBytes === 0) return 'there is no card in it';
  return mediumRefusal(disk, Number(info['DeviceBlockSize'] ?? 0));
}

/** Of the volumes of a disk, those of an APFS container on it too. */
function mountPointsOf(all: Dictionary, name: string): string[] {
  const disks = listOf(all['AllDisksAndPartitions']).map(dictionaryOf);
  // A disk without a partition table may be the store of a container as a whole.
  const isOnDisk = (store: string): boolean => store === name || store.startsWith(`${name}s`);
  const containers = disks.filter((each) =>
    listOf(each['APFSPhysicalStores']).some((store) =>
      isOnDisk(textOf(dictionaryOf(store)['DeviceIdentifier'])),
    ),
  );
  const own = disks.filter((each) => each['DeviceIdentifier'] === name);
  const volumes = [...own, ...containers].flatMap((each) => [
    each,
    ...listOf(each['Partitions']).map(dictionaryOf),
    ...listOf(each['APFSVolumes']).map(dictionaryOf),
  ]);
  return volumes.flatMap(mountPointsOfVolume).filter(Boolean);
}

/** A Mac runs from a snapshot of its system volume: "/" is the mount point of that, and no longer one of the volume. */
function mountPointsOfVolume(volume: Dictionary): string[] {
  const snapshots = listOf(volume['MountedSnapshots']).map(dictionaryOf);
  return [
    textOf(volume['MountPoint']),
    ...snapshots.map((snapshot) => textOf(snapshot['SnapshotMountPoint'])),
  ];
}

function listOf(value: PlistValue | undefined): readonly PlistValue[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: PlistValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function dictionaryOf(value: PlistValue): Dictionary {
  return typeof value === 'object' && !Array.isArray(value) ? value : {};
}
