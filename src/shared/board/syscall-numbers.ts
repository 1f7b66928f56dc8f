// Numbers of the system calls that we make, or refuse to apps: linux/arch/x86/entry/syscalls/syscall_64.tbl and
// include/uapi/asm-generic/unistd.h (aarch64), in this order; null where an architecture never had the call.

import type { NodeArch } from './boards.ts';

const SYSCALL_NUMBERS = {
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
  memfd_secret: [447, 447],
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

export const SYSCALL_NAMES = Object.keys(SYSCALL_NUMBERS) as SyscallName[];

const COLUMNS = { x64: 0, arm64: 1 } as const satisfies Record<NodeArch, number>;

/** null: the architecture never had the call. */
export function syscallNumber(name: SyscallName, architecture: NodeArch): number | null {
  return SYSCALL_NUMBERS[name][COLUMNS[architecture]];
}

/** The last call of those lists (file_setattr, Linux 6.17). What comes after it is refused as an older kernel does. */
export const LAST_KNOWN_SYSCALL = 469;
