// The root image of the other slot beside the running one: mounted read-only, and complete with what is the device's
// and not an image's (/dev, /perm, /proc, ...), so that programs which have it for their root find all at its place.

import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MOUNT_POINTS } from '../../../shared/services/mount-points.ts';
import { NODE_LINES, nodePath } from '../../../shared/services/node-lines.ts';
import { DEVICE_CONFIG_PATH, type DeviceConfig } from '../../../shared/services/services.ts';
import { type Slot, SLOT_PARTITION } from '../../../shared/board/slots.ts';
import { locateRootDisk, partitionOf } from '../../root-disk.ts';
import type { Sys } from '../../sys/sys.ts';
import { monotonicMs } from '../../monotonic.ts';

const LIVE_ROOTS = '/run/tsk/roots';
/** The same files in both images, but not to the kernel: it would read them once more, and keep them in memory twice. */
const RUNTIME = nodePath(undefined);
const FURTHER_RUNTIMES = NODE_LINES.map(nodePath);
/** The kernel takes down the mounts of a sandbox a moment after its last process has ended. */
const RELEASE_LIMIT_MS = 2000;
const POLL_MS = 20;

export interface LiveRoot {
  /** As the device knows it. */
  directory: string;
  config: DeviceConfig;
}

/** Throws, and nothing is mounted then, when the slot has no image that this device could run apps from. */
export function openLiveRoot(sys: Sys, slot: Slot): LiveRoot {
  const directory = join(LIVE_ROOTS, slot);
  const partition = partitionOf(locateRootDisk(sys), SLOT_PARTITION[slot]).path;
  // The kernel would give the old mount again, with what it remembers of an image that is no more.
  if (isInUse(sys, partition)) throw new Error(`"${partition}" is still in use`);
  mkdirSync(sys.path(directory), { recursive: true });
  // Apps without a sandbox may have set-uid programs in the image, as in the root that the kernel mounts.
  sys.mount({ source: partition, target: directory, type: 'squashfs', flags: ['ro', 'nodev'] });
  try {
    const config = readConfig(sys, directory);
    for (const name of MOUNT_POINTS) {
      // With what is mounted below; but /run has this very directory below it.
      const flag = name === '/run' ? 'bind' : 'rbind';
      sys.mount({ source: name, target: join(directory, name), type: '', flags: [flag] });
    }
    const further = FURTHER_RUNTIMES.filter((path) =>
      [path, join(directory, path)].every((each) => existsSync(sys.path(each))),
    );
    for (const path of [RUNTIME, ...further])
      sys.mount({ source: path, target: join(directory, path), type: '', flags: ['bind'] });
    return { directory, config };
  } catch (error) {
    sys.detachMount(directory);
    throw error;
  }
}

export function closeLiveRoot(sys: Sys, { directory }: LiveRoot): void {
  sys.detachMount(directory);
}

/** False when something goes on using the slot: it must not be written until the device has restarted. */
export async function isReleased(sys: Sys, slot: Slot): Promise<boolean> {
  const { path } = partitionOf(locateRootDisk(sys), SLOT_PARTITION[slot]);
  const deadline = monotonicMs() + RELEASE_LIMIT_MS;
  while (isInUse(sys, path)) {
    if (monotonicMs() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function readConfig(sys: Sys, directory: string): DeviceConfig {
  const text = readFileSync(sys.path(join(directory, DEVICE_CONFIG_PATH)), 'utf8');
  const config = JSON.parse(text) as DeviceConfig;
  if (config.formatVersion !== 1)
    throw new Error(`Its format version is ${String(config.formatVersion)}, not 1`);
  return config;
}

/** Whether the block device is mounted, be it out of sight (open(2), O_EXCL). */
function isInUse(sys: Sys, device: string): boolean {
  try {
    closeSync(openSync(sys.path(device), constants.O_RDONLY | constants.O_EXCL));
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return true;
    throw error;
  }
}
