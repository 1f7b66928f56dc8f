// What the processes of a break-glass session have for their root: the running root image, over it the toolbox, over both
// what the session writes, and in it the device's own /dev, /perm, /proc, ... Toolbox and writes are in memory, bounded.

import { chmodSync, mkdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import {
  BREAKGLASS_PATHS,
  MAX_TOOLBOX_ENTRIES,
  MEMORY_SHARE,
} from '../../../shared/breakglass/breakglass-api.ts';
import { MOUNT_POINTS } from '../../../shared/services/mount-points.ts';
import type { Sys } from '../../sys/sys.ts';

const { memory, root, authorizedKeys } = BREAKGLASS_PATHS;
const DIRECTORY = dirname(authorizedKeys);
/** Where sshd keeps its unprivileged half. */
const SSHD_DIRECTORY = '/run/sshd';
const PARTS = ['lower', 'upper', 'work'] as const;

/** Nothing is mounted when it throws. */
export function openSessionMemory(sys: Sys): void {
  for (const path of [DIRECTORY, memory, root]) {
    mkdirSync(sys.path(path), { recursive: true });
    chmodSync(sys.path(path), 0o700);
  }
  const sizeBytes = Math.floor(totalmem() / MEMORY_SHARE);
  sys.mount({
    source: 'tmpfs',
    target: memory,
    type: 'tmpfs',
    flags: ['nosuid', 'nodev'],
    options: `mode=700,size=${sizeBytes},nr_inodes=${2 * MAX_TOOLBOX_ENTRIES}`,
  });
  for (const part of PARTS) mkdirSync(sys.path(join(memory, part)), { recursive: true, mode: 0o755 });
}

/** Once the toolbox is complete: what lies below an overlay must not change any more. */
export function mountSessionRoot(sys: Sys): void {
  const [lower, upper, work] = PARTS.map((part) => join(memory, part));
  sys.mount({
    source: 'overlay',
    target: root,
    type: 'overlay',
    flags: ['nosuid', 'nodev'],
    options: `lowerdir=${lower}:/,upperdir=${upper},workdir=${work}`,
  });
  for (const name of MOUNT_POINTS) {
    // With what is mounted below; but /run has this very directory below it.
    const flag = name === '/run' ? 'bind' : 'rbind';
    sys.mount({ source: name, target: join(root, name), type: '', flags: [flag] });
  }
  mkdirSync(sys.path(SSHD_DIRECTORY), { recursive: true, mode: 0o755 });
}

/**
 * After the last process. The files are deleted besides: sandboxes of apps that started meanwhile have copies of all mounts,
 * out of their sight, and would keep the memory in use.
 */
export async function removeSessionRoot(sys: Sys, isMounted: boolean): Promise<void> {
  if (isMounted) sys.detachMount(root);
  const directory = sys.path(memory);
  const parts = await readdir(directory).catch(() => []);
  for (const part of parts) await rm(join(directory, part), { recursive: true, force: true });
  sys.detachMount(memory);
  for (const path of [DIRECTORY, SSHD_DIRECTORY]) await rm(sys.path(path), { recursive: true, force: true });
}
