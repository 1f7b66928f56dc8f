// System calls of the sandbox's table, made as they are, and settings of the kernel. Each call has -1 for every argument
// that is not said to be something else: a kernel that gets it does nothing, and says so by another error.

import { readFileSync } from 'node:fs';
import { bindLibc } from '../../../src/device/sys/libc.ts';
import { SYSCALL_GROUP_NAMES, SYSCALL_GROUPS } from '../../../src/shared/services/syscalls.ts';
import { type SyscallName, syscallNumber } from '../../../src/shared/board/syscall-numbers.ts';
import type { NodeArch } from '../../../src/shared/board/boards.ts';
import type { Attempts } from './attempt.ts';

const ARCHITECTURE = process.arch as NodeArch;
const SIGCHLD = 17;
const NAMESPACES = { mount: 0x20000, user: 0x10000000, network: 0x40000000 };
/** linux/socket.h */
const FAMILIES = { packet: 17, can: 29, bluetooth: 31, alg: 38, vsock: 40 };
const NETFILTER = 12;
const SETTINGS = [
  'kernel/kptr_restrict kernel/dmesg_restrict kernel/unprivileged_bpf_disabled kernel/sysrq',
  'kernel/io_uring_disabled kernel/perf_event_paranoid dev/tty/legacy_tiocsti dev/tty/ldisc_autoload',
  'fs/protected_symlinks fs/protected_hardlinks fs/protected_fifos fs/protected_regular',
  'net/ipv4/conf/all/rp_filter net/ipv4/conf/lo/accept_redirects net/ipv4/conf/eth0/accept_redirects',
  'net/ipv6/conf/eth0/accept_redirects net/ipv4/conf/eth0/accept_source_route',
].flatMap((line) => line.split(' '));

const syscall = bindLibc('syscall', ['int64', 'int64', 'int64', 'int64', 'int64', 'int64', 'int64']);

function call(name: SyscallName, ...given: readonly number[]): () => undefined {
  const number = syscallNumber(name, ARCHITECTURE) ?? -1;
  const args = Array.from({ length: 6 }, (_none, index) => BigInt(given[index] ?? -1));
  return () => {
    // What it returns may be a descriptor of any number.
    syscall(BigInt(number), ...args);
    return undefined;
  };
}

const groupCalls = SYSCALL_GROUP_NAMES.flatMap((group) => {
  const calls: readonly SyscallName[] = SYSCALL_GROUPS[group].calls;
  return calls.filter((name) => syscallNumber(name, ARCHITECTURE) !== null);
});

export const kernelAttempts: Attempts = {
  ...Object.fromEntries(groupCalls.map((name) => [`call ${name}`, call(name)])),
  'call clone3': call('clone3'),
  ...Object.fromEntries(
    Object.entries(NAMESPACES).flatMap(([what, flag]) => [
      [`a new ${what} namespace`, call('unshare', flag)],
      [`a child in a new ${what} namespace`, call('clone', flag | SIGCHLD, 0, 0, 0, 0)],
    ]),
  ),
  'type into a terminal': call('ioctl', 0, 0x5412, 0),
  ...Object.fromEntries(
    Object.entries(FAMILIES).map(([name, family]) => [
      `socket of family ${name}`,
      call('socket', family, 3, 0),
    ]),
  ),
  'socket for packet filters': call('socket', 16, 3, NETFILTER),
  'raw socket': call('socket', 2, 3, 1),
  ...Object.fromEntries(
    SETTINGS.map((path) => [`setting ${path}`, () => readFileSync(`/proc/sys/${path}`, 'latin1').trim()]),
  ),
};
