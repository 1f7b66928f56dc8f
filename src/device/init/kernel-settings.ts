// Settings of the running kernel (sysctl) that apps without root's rights rely on, or are held back by.

import { existsSync, writeFileSync } from 'node:fs';
import type { Sys } from '../sys/sys.ts';

const SETTINGS: readonly { path: string; value: string; reason: string }[] = [
  {
    path: 'net/ipv4/ip_unprivileged_port_start',
    value: '0',
    reason: 'an app may serve port 80 or 443; there are no other users whom that could deceive',
  },
  { path: 'kernel/dmesg_restrict', value: '1', reason: "the kernel's log tells addresses" },
  { path: 'fs/protected_symlinks', value: '1', reason: 'in directories that apps share' },
  { path: 'fs/protected_hardlinks', value: '1', reason: 'likewise' },
];

export function applyKernelSettings(sys: Sys): void {
  for (const { path, value } of SETTINGS) {
    const file = sys.path(`/proc/sys/${path}`);
    if (existsSync(file)) writeFileSync(file, value);
  }
}
