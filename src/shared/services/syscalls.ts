// System calls that an app in a sandbox does not need, in groups that `sandbox.syscalls` gives back by name. What an app's
// capabilities are for comes back with them. Numbers: linux/arch/x86/entry/syscalls/syscall_64.tbl and
// include/uapi/asm-generic/unistd.h (aarch64), in this order; null where an architecture never had the call.

export const SYSCALL_NUMBERS = {
  _sysctl: [156, null],
  acct: [163, 89],
  add_key: [248, 217],
  bpf: [321, 280],
  clock_settime: [227, 112],
  clone: [56, 220],
  clone3: [435, 435],
  create_module: [174, null],
  delete_module: [176, 106],
  finit_module: [313, 273],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fsopen: [430, 430],
  fspick: [433, 433],
  get_kernel_syms: [177, null],
  init_module: [175, 105],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  io_uring_setup: [425, 425],
  ioctl: [16, 29],
  ioperm: [173, null],
  iopl: [172, null],
  kcmp: [312, 272],
  kexec_file_load: [320, 294],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  lookup_dcookie: [212, 18],
  modify_ldt: [154, null],
  mount: [165, 40],
  mount_setattr: [442, 442],
  move_mount: [429, 429],
  nfsservctl: [180, 42],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  open_tree_attr: [467, 467],
  perf_event_open: [298, 241],
  pidfd_getfd: [438, 438],
  pivot_root: [155, 41],
  process_madvise: [440, 440],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  ptrace: [101, 117],
  query_module: [178, null],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  reboot: [169, 142],
  request_key: [249, 218],
  setdomainname: [171, 162],
  sethostname: [170, 161],
  setns: [308, 268],
  settimeofday: [164, 170],
  socket: [41, 198],
  socketpair: [53, 199],
  swapoff: [168, 225],
  swapon: [167, 224],
  syslog: [103, 116],
  sysfs: [139, null],
  umount2: [166, 39],
  unshare: [272, 97],
  uselib: [134, null],
  userfaultfd: [323, 282],
  vhangup: [153, 58],
} as const satisfies Record<string, readonly [number, number | null]>;

export type SyscallName = keyof typeof SYSCALL_NUMBERS;

/** The last call of the lists above (file_setattr, Linux 6.17). What comes after it is refused as an older kernel does. */
export const LAST_KNOWN_SYSCALL = 469;

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
