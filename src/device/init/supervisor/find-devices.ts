// What the words of an app's `sandbox.devices` are on this device at this moment: nodes below /dev by the paths under which
// an app sees them. Links are followed to nodes, and never to directories: /dev/fd leads to what init has open.

import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDeviceName, NAMED_DEVICES, nodesOf } from '../../../shared/services/device-names.ts';
import type { DeviceNode, Sys } from '../../sys/sys.ts';
import { treeNode, treeNodeOf } from '../../tree-node.ts';

export type FoundNode = Pick<DeviceNode, 'kind' | 'number'>;

/** What every sandbox has of its own, or has not at all: what is behind the links is init's. */
const OWN_NAMES: ReadonlySet<string> = new Set(
  'null zero full random urandom tty ptmx console fd stdin stdout stderr core pts shm mqueue pwm'.split(' '),
);
/** Deeper than any (/dev/bus/usb/001/002); a directory of devices has no circles. */
const MAX_DEPTH = 4;

/** By path. A directory stands for all that is in it. */
export function findDevices(sys: Sys, device: string): Map<string, FoundNode> {
  const found = new Map<string, FoundNode>();
  for (const pattern of nodesOf(device)) collect(sys, dirname(pattern), matcher(basename(pattern)), found, 0);
  if (!isDeviceName(device)) return found;
  const { treeLabel } = NAMED_DEVICES[device];
  if (treeLabel === undefined) return found;
  const wanted = treeNode(sys, `__symbols__/${treeLabel}`);
  const isWanted = (path: string): boolean =>
    wanted !== undefined && treeNodeOf(sys.path(`/sys/bus/gpio/devices/${basename(path)}`)) === wanted;
  return new Map([...found].filter(([path]) => isWanted(path)));
}

/** Directory in sysfs of the PWM chip that the header has. */
export function findPwmChip(sys: Sys): string | undefined {
  const { sysfs, treeLabel } = NAMED_DEVICES.pwm;
  const wanted = treeNode(sys, `__symbols__/${treeLabel}`);
  if (wanted === undefined || sysfs === undefined) return undefined;
  const chips = namesIn(sys, sysfs).map((name) => sys.path(`${sysfs}/${name}`));
  const chip = chips.find((path) => treeNodeOf(path) === wanted);
  return chip === undefined ? undefined : realpathSync(chip);
}

function collect(
  sys: Sys,
  directory: string,
  isMeant: (name: string) => boolean,
  found: Map<string, FoundNode>,
  depth: number,
): void {
  for (const name of namesIn(sys, directory).filter(isMeant)) {
    const path = join(directory, name);
    if (OWN_NAMES.has(path.split('/')[2] ?? '')) continue;
    const stats = statsOf(sys.path(path));
    if (stats === undefined) continue;
    const kind = stats.isCharacterDevice() ? 'character' : stats.isBlockDevice() ? 'block' : undefined;
    if (kind !== undefined) found.set(path, { kind, number: stats.rdev });
    else if (stats.isDirectory() && depth < MAX_DEPTH && !isLink(sys.path(path)))
      collect(sys, path, () => true, found, depth + 1);
  }
}

function matcher(pattern: string): (name: string) => boolean {
  const pieces = pattern.split('*').map((piece) => RegExp.escape(piece));
  const expression = new RegExp(`^${pieces.join('.*')}$`);
  return (name) => expression.test(name);
}

function namesIn(sys: Sys, directory: string): string[] {
  try {
    return readdirSync(sys.path(directory)).toSorted();
  } catch {
    // Devices of that kind are not there.
    return [];
  }
}

/** Of what a link leads to; undefined: it has gone since. */
function statsOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
