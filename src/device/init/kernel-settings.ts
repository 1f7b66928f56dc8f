// Settings of the running kernel (sysctl) that apps without root's rights rely on, or are held back by.

import { existsSync, writeFileSync } from 'node:fs';
import type { Sys } from '../sys/sys.ts';

const SETTINGS: readonly { path: string; value: string; reason: string }[] = [
  { path: 'kernel/dmesg_restrict', value: '1', reason: "the kernel's log tells addresses" },
  { path: 'fs/protected_symlinks', value: '1', reason: 'in directories that apps share' },
  { path: 'fs/protected_hardlinks', value: '1', reason: 'likewise' },
];

export function applyKernelSettings(sys: Sys): void {
  for (const { path, value } of SETTINGS) set(sys, path, value);
}

/** For a kernel on which apps cannot be given single ports (supervisor/network): an app may serve port 80 or 443. */
export function openLowPorts(sys: Sys): void {
  set(sys, 'net/ipv4/ip_unprivileged_port_start', '0');
}

function set(sys: Sys, path: string, value: string): void {
  const file = sys.path(`/proc/sys/${path}`);
  if (existsSync(file)) writeFileSync(file, value);
}
