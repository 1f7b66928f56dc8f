// The file systems that every device has, in the order in which they are mounted, and why.
// /perm is not among them: it depends on the disk (perm/).

import { existsSync, mkdirSync } from 'node:fs';
import type { MountRequest, Sys } from '../sys/sys.ts';

interface MountRow extends MountRequest {
  onFailure: 'fatal' | 'warn';
  /** Read by a person who wonders whether the row is needed. */
  reason: string;
  /** Made on another file system of this table; the others exist in the root image. */
  makeDirectory?: boolean;
  /** Mounted only where the kernel offers this directory. */
  ifExists?: string;
}

const MOUNTS: readonly MountRow[] = [
  {
    source: 'proc',
    target: '/proc',
    type: 'proc',
    flags: ['nosuid', 'nodev', 'noexec'],
    onFailure: 'fatal',
    reason: 'kernel command line, and Node.js itself reads it',
  },
  {
    source: 'sysfs',
    target: '/sys',
    type: 'sysfs',
    flags: ['nosuid', 'nodev', 'noexec'],
    onFailure: 'fatal',
    reason: 'finding disks and network interfaces',
  },
  {
    source: 'devtmpfs',
    target: '/dev',
    type: 'devtmpfs',
    flags: ['nosuid'],
    onFailure: 'fatal',
    reason: 'device nodes; a kernel with DEVTMPFS_MOUNT has mounted it already',
  },
  {
    source: 'devpts',
    target: '/dev/pts',
    type: 'devpts',
    flags: ['nosuid', 'noexec'],
    options: 'mode=600,ptmxmode=666',
    makeDirectory: true,
    onFailure: 'warn',
    reason: 'terminals of a shell (break-glass SSH)',
  },
  {
    source: 'tmpfs',
    target: '/dev/shm',
    type: 'tmpfs',
    flags: ['nosuid', 'nodev'],
    options: 'mode=1777',
    makeDirectory: true,
    onFailure: 'warn',
    reason: 'POSIX shared memory: Chromium and some databases need it',
  },
  {
    source: 'tmpfs',
    target: '/tmp',
    type: 'tmpfs',
    flags: ['nosuid', 'nodev'],
    options: 'mode=1777',
    onFailure: 'fatal',
    reason: 'every program may write there',
  },
  {
    source: 'tmpfs',
    target: '/run',
    type: 'tmpfs',
    flags: ['nosuid', 'nodev'],
    options: 'mode=755',
    onFailure: 'fatal',
    reason: 'control socket, resolv.conf, state of our own programs',
  },
  {
    source: 'cgroup2',
    target: '/sys/fs/cgroup',
    type: 'cgroup2',
    flags: ['nosuid', 'nodev', 'noexec'],
    ifExists: '/sys/fs/cgroup',
    onFailure: 'warn',
    reason: 'one cgroup a service: nothing survives its stop',
  },
  {
    source: 'efivarfs',
    target: '/sys/firmware/efi/efivars',
    type: 'efivarfs',
    flags: ['nosuid', 'nodev', 'noexec'],
    ifExists: '/sys/firmware/efi/efivars',
    onFailure: 'warn',
    reason: 'tells the boot loader which slot to try (updates)',
  },
];

/** Throws when one fails without which nothing works; `warn` hears of the others. */
export function mountAll(sys: Sys, warn: (text: string) => void): void {
  for (const row of MOUNTS) {
    if (row.ifExists !== undefined && !existsSync(sys.path(row.ifExists))) continue;
    try {
      if (row.makeDirectory === true) mkdirSync(sys.path(row.target), { recursive: true });
      sys.mount(mountRequestOf(row));
    } catch (error) {
      // Mounted already.
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') continue;
      const message = `Cannot mount ${row.type} on "${row.target}"`;
      if (row.onFailure === 'fatal') throw new Error(message, { cause: error });
      warn(`${message}: ${String(error)}`);
    }
  }
}

function mountRequestOf({ source, target, type, flags, options }: MountRow): MountRequest {
  return { source, target, type, flags, ...(options === undefined ? {} : { options }) };
}
