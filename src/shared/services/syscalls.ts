// System calls that an app in a sandbox does not need, in groups that `sandbox.syscalls` gives back by name. What an app's
// capabilities are for comes back with them.

import type { SyscallName } from '../board/syscall-numbers.ts';

export interface SyscallGroup {
  /** Refused whatever their arguments. */
  calls: readonly SyscallName[];
  /** ENOSYS where libraries then do the same in another way. */
  answer: 'EPERM' | 'ENOSYS';
  /** An app that has one of them has the group. */
  capabilities: readonly string[];
}

function group(calls: readonly SyscallName[], ...capabilities: string[]): SyscallGroup {
  return { calls, answer: 'EPERM', capabilities: capabilities.map((name) => `CAP_${name}`) };
}

/** Some refuse a call only with certain arguments, or a family of sockets: src/device/init/supervisor/syscall-filter.ts. */
export const SYSCALL_GROUPS = {
  io_uring: {
    ...group(['io_uring_setup', 'io_uring_enter', 'io_uring_register']),
    answer: 'ENOSYS',
  },
  keyring: group(['add_key', 'request_key', 'keyctl']),
  bpf: group(['bpf'], 'BPF', 'SYS_ADMIN'),
  perf: group(['perf_event_open'], 'PERFMON', 'SYS_ADMIN'),
  userfaultfd: group(['userfaultfd']),
  /** Nobody sees how much there is in such a file, init neither: it could not say whose the memory is. */
  'secret-memory': { ...group(['memfd_secret']), answer: 'ENOSYS' },
  debug: group(
    ['ptrace', 'process_vm_readv', 'process_vm_writev', 'process_madvise', 'pidfd_getfd', 'kcmp'],
    'SYS_PTRACE',
  ),
  /** With the flags of namespaces in clone and unshare, and clone3, whose flags a filter cannot read. */
  namespaces: group(['setns'], 'SYS_ADMIN'),
  mount: group(
    [
      ...([
        'mount',
        'umount2',
        'pivot_root',
        'mount_setattr',
        'open_tree',
        'open_tree_attr',
        'move_mount',
      ] as const),
      ...(['fsopen', 'fsconfig', 'fsmount', 'fspick'] as const),
    ],
    'SYS_ADMIN',
  ),
  modules: group(
    ['create_module', 'init_module', 'finit_module', 'delete_module', 'get_kernel_syms', 'query_module'],
    'SYS_MODULE',
  ),
  boot: group(['reboot', 'kexec_load', 'kexec_file_load'], 'SYS_BOOT'),
  clock: group(['clock_settime', 'settimeofday'], 'SYS_TIME'),
  system: group(
    [
      'swapon',
      'swapoff',
      'quotactl',
      'quotactl_fd',
      'acct',
      'sethostname',
      'setdomainname',
      'lookup_dcookie',
    ],
    'SYS_ADMIN',
  ),
  /** With the ioctls that type into a terminal: TIOCSTI, TIOCLINUX. */
  terminal: group(['vhangup'], 'SYS_TTY_CONFIG', 'SYS_ADMIN'),
  'kernel-log': group(['syslog'], 'SYSLOG', 'SYS_ADMIN'),
  'io-ports': group(['ioperm', 'iopl'], 'SYS_RAWIO'),
  ldt: group(['modify_ldt']),
  'file-handles': group(['open_by_handle_at'], 'DAC_READ_SEARCH'),
  obsolete: group(['_sysctl', 'nfsservctl', 'sysfs', 'uselib']),
  /** Families of sockets, as are those below; `sockets` is all that there are. */
  netlink: group([], 'NET_ADMIN'),
  packet: group([], 'NET_RAW', 'NET_ADMIN'),
  bluetooth: group([]),
  can: group([]),
  vsock: group([]),
  sockets: group([]),
} as const satisfies Record<string, SyscallGroup>;

export type SyscallGroupName = keyof typeof SYSCALL_GROUPS;

/** Those that are refused with certain arguments only. */
const GROUPS_OF_OTHERS: Partial<Record<SyscallName, SyscallGroupName>> = {
  clone: 'namespaces',
  unshare: 'namespaces',
  ioctl: 'terminal',
};

export function groupOfSyscall(name: SyscallName): SyscallGroupName {
  const group = SYSCALL_GROUP_NAMES.find((each) => SYSCALL_GROUPS[each].calls.some((call) => call === name));
  return group ?? GROUPS_OF_OTHERS[name] ?? 'sockets';
}

export const SYSCALL_GROUP_NAMES = Object.keys(SYSCALL_GROUPS) as SyscallGroupName[];
