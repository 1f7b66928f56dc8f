// Settings of the running kernel (sysctl) that apps without root's rights rely on, or are held back by. Of a setting that
// the kernel lacks there is nothing to hold back.
//
// kexec_load_disabled is not among them: a trial may have to start by kexec whenever the firmware forgets its
// variables, the switch cannot be taken back, and kexec needs CAP_SYS_BOOT anyway, which no app has unless it is named.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { IO_URING_GROUP } from '../../shared/services/sandbox.ts';
import type { Sys } from '../sys/sys.ts';

interface KernelSetting {
  /** Below /proc/sys; `*` is every interface there is, `all`, and `default` for those to come. */
  path: string;
  /** An empty line is an empty text. */
  value: number | '\n';
  reason: string;
}

export const KERNEL_SETTINGS: readonly KernelSetting[] = [
  { path: 'kernel/dmesg_restrict', value: 1, reason: "the kernel's log tells addresses" },
  { path: 'kernel/kptr_restrict', value: 2, reason: 'files of /proc tell none either, not even to root' },
  { path: 'kernel/perf_event_paranoid', value: 2, reason: 'who may measure measures only itself' },
  { path: 'kernel/unprivileged_bpf_disabled', value: 1, reason: 'for good: nobody switches it on again' },
  { path: 'net/core/bpf_jit_harden', value: 1, reason: "apps' socket filters become machine code" },
  { path: 'kernel/io_uring_disabled', value: 1, reason: 'but for the group below, and root with its rights' },
  { path: 'kernel/io_uring_group', value: IO_URING_GROUP, reason: 'of apps whose sandbox allows io_uring' },
  { path: 'kernel/yama/ptrace_scope', value: 1, reason: 'a process reads the memory of its children only' },
  {
    path: 'kernel/sysrq',
    value: 16 + 32 + 128,
    reason: 'sync, read-only, restart: at a keyboard, what is better than to pull the plug, and no more',
  },
  {
    path: 'kernel/core_pattern',
    value: '\n',
    reason: 'core dumps, with all secrets in them: in a break-glass session only',
  },
  { path: 'dev/tty/ldisc_autoload', value: 0, reason: 'odd protocols of terminals had many holes' },
  { path: 'dev/tty/legacy_tiocsti', value: 0, reason: 'no program types for the user of its terminal' },
  { path: 'fs/protected_symlinks', value: 1, reason: 'in directories that apps share' },
  { path: 'fs/protected_hardlinks', value: 1, reason: 'likewise' },
  { path: 'fs/protected_fifos', value: 2, reason: 'likewise' },
  { path: 'fs/protected_regular', value: 2, reason: 'likewise' },
  {
    path: 'net/ipv4/conf/*/rp_filter',
    value: 2,
    reason:
      'nobody sends from an address that has no way back; by whichever interface, as there may be several',
  },
  { path: 'net/ipv4/conf/*/accept_redirects', value: 0, reason: 'a neighbour does not become the router' },
  { path: 'net/ipv4/conf/*/secure_redirects', value: 0, reason: 'nor one that claims to be' },
  { path: 'net/ipv6/conf/*/accept_redirects', value: 0, reason: 'nor for IPv6' },
  { path: 'net/ipv4/conf/*/send_redirects', value: 0, reason: 'this device is no router' },
  { path: 'net/ipv4/conf/*/accept_source_route', value: 0, reason: 'a sender does not choose the way back' },
  { path: 'net/ipv6/conf/*/accept_source_route', value: -1, reason: 'likewise; 0 means "some" here' },
];

/** For a kernel on which apps cannot be given single ports (supervisor/network): an app may serve port 80 or 443. */
export function openLowPorts(sys: Sys): void {
  apply(sys, [{ path: 'net/ipv4/ip_unprivileged_port_start', value: 0 }]);
}

/** Throws when all have been tried and the kernel refused some. */
export function applyKernelSettings(sys: Sys): void {
  apply(sys, KERNEL_SETTINGS);
}

function apply(sys: Sys, settings: readonly Pick<KernelSetting, 'path' | 'value'>[]): void {
  const refused: string[] = [];
  for (const { path, value } of settings) {
    for (const file of filesOf(sys, `/proc/sys/${path}`)) {
      try {
        writeFileSync(sys.path(file), String(value));
      } catch (error) {
        refused.push(`${file} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
      }
    }
  }
  if (refused.length > 0) throw new Error(`The kernel refuses to change ${refused.join(', ')}`);
}

function filesOf(sys: Sys, pattern: string): string[] {
  const [directory = '', rest] = pattern.split('*');
  if (rest === undefined) return existsSync(sys.path(pattern)) ? [pattern] : [];
  const base = sys.path(directory);
  const names = existsSync(base) ? readdirSync(base) : [];
  return names.map((name) => directory + name + rest).filter((path) => existsSync(sys.path(path)));
}
