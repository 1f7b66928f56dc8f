// How the attempts of the hostile app are to end. What ends with "ok" is allowed; docs/supervision.md says so.

import { type BoardId, BOARDS } from '../../../src/shared/board/boards.ts';
import { uidOfApp } from '../../../src/shared/services/sandbox.ts';
import { SYSCALL_GROUP_NAMES, SYSCALL_GROUPS } from '../../../src/shared/services/syscalls.ts';
import { type SyscallName, syscallNumber } from '../../../src/shared/board/syscall-numbers.ts';

export type Outcomes = Readonly<Record<string, string>>;

export const capabilities = (bits: string): Outcomes => ({
  CapEff: bits,
  CapPrm: bits,
  CapBnd: bits,
  CapAmb: bits,
});

/** Of the app with this name and a user of its own that has been given nothing but a shared directory. */
export function expectedOutcomes(board: BoardId, name: string): Outcomes {
  return {
    Uid: String(uidOfApp(name)),
    USER: name,
    'current directory': `/perm/${name}`,
    'list /perm': `${name} shared`,
    ...capabilities('0000000000000000'),
    ...SURROUNDINGS,
    ...FILES,
    ...PROCESSES_AND_SOCKETS,
    ...KERNEL,
    ...EXHAUSTION,
    ...refusedCalls(board),
  };
}

/** As root in its sandbox, without any capability. The kernel asks for less first, where a file is root's. */
export const OF_ROOT: Outcomes = {
  Uid: '0',
  USER: 'root',
  'list /perm': 'rooted',
  'pattern of core dumps': 'EROFS',
  'memory of the kernel': 'EPERM',
  // What it is already.
  'become root': 'ok',
};

const SURROUNDINGS: Outcomes = {
  NoNewPrivs: '1',
  // proc_pid_status(5): SECCOMP_MODE_FILTER
  Seccomp: '2',
  cgroup: '0::/',
  // Nepal was five and a half hours ahead in 1970.
  'time zone': 'Asia/Kathmandu -330',
  localtime: 'TZif',
  'machine id': 'one',
  'resolv.conf': 'ok',
};

const FILES: Outcomes = {
  'list /app': 'itself',
  'list /run': 'machine-id net tsk',
  'list /boot': 'nothing',
  'list /etc/tskrazy': 'nothing',
  'list devices': 'full null random tty urandom zero',
  'programs that run as another user': 'nothing',
  'size of /tmp': '25 %',
  'size of /dev/shm': '25 %',
  'write own data': 'ok',
  'write /tmp': 'ok',
  'write /dev/shm': 'ok',
  'write output by name': 'ok',
  'write own program': 'EROFS',
  'write the root': 'EROFS',
  'write /etc': 'EROFS',
  'write /etc/machine-id': 'EROFS',
  'write /user': 'EROFS',
  'read data of another app': 'ENOENT',
  'write data of another app': 'ENOENT',
  'data of another app by a link': 'ENOENT',
  'hard link to what is the system’s': 'EXDEV',
  'secret of another app, where it lies': 'ENOENT',
  'secret of another app, as that sees it': 'ENOENT',
  'secrets of another app in the image': 'ENOENT',
  'program of another app': 'ENOENT',
  'state of tskrazy': 'ENOENT',
  'configuration of the device': 'ENOENT',
  'memory of the device': 'ENOENT',
  'the disk': 'ENOENT',
  'log of the kernel': 'ENOENT',
  'the console': 'ENOENT',
  'a serial port': 'ENOENT',
  'the power button': 'ENOENT',
  'a terminal': 'ENXIO',
  'pattern of core dumps': 'EACCES',
  'magic key': 'EROFS',
  'memory of the kernel': 'EACCES',
  'addresses of the kernel': 'hidden',
  'own cgroup': 'EROFS',
  'power over /sys': 'EROFS',
};

const PROCESSES_AND_SOCKETS: Outcomes = {
  'socket of init': 'ENOENT',
  'own socket': 'ok',
  'socket of another app': 'ENOENT',
  'abstract socket of another app': 'EPERM',
  'port of the page': 'ok',
  'port of the page over TLS': 'ok',
  'listen on the port of the page': 'EPERM',
  'listen on the port of the page over TLS': 'EPERM',
  'listen on a low port': 'EPERM',
  'listen on a high port': 'ok',
  'stop another app over the page': '401',
  'processes that it sees': 'bwrap node-MainThread',
  'environment of process 1': 'EACCES',
  'memory of process 1': 'EACCES',
  'root of process 1': 'EACCES',
  'kill process 1': 'EPERM',
  'kill everybody': 'ESRCH',
  'become root': 'EPERM',
  'join a group': 'EPERM',
  'higher priority': 'EACCES',
};

const KERNEL: Outcomes = {
  'call clone3': 'ENOSYS',
  'a new mount namespace': 'EPERM',
  'a child in a new mount namespace': 'EPERM',
  'a new user namespace': 'EPERM',
  'a child in a new user namespace': 'EPERM',
  'a new network namespace': 'EPERM',
  'a child in a new network namespace': 'EPERM',
  'type into a terminal': 'EPERM',
  'socket of family packet': 'EAFNOSUPPORT',
  'socket of family can': 'EAFNOSUPPORT',
  'socket of family bluetooth': 'EAFNOSUPPORT',
  'socket of family alg': 'EAFNOSUPPORT',
  'socket of family vsock': 'EAFNOSUPPORT',
  'socket for packet filters': 'EAFNOSUPPORT',
  'raw socket': 'EPERM',
  'setting kernel/kptr_restrict': '2',
  'setting kernel/dmesg_restrict': '1',
  'setting kernel/unprivileged_bpf_disabled': '1',
  'setting kernel/sysrq': '176',
  'setting kernel/io_uring_disabled': '1',
  'setting kernel/perf_event_paranoid': '2',
  'setting dev/tty/legacy_tiocsti': '0',
  'setting dev/tty/ldisc_autoload': '0',
  'setting fs/protected_symlinks': '1',
  'setting fs/protected_hardlinks': '1',
  'setting fs/protected_fifos': '2',
  'setting fs/protected_regular': '2',
  'setting net/ipv4/conf/all/rp_filter': '2',
  'setting net/ipv4/conf/lo/accept_redirects': '0',
  'setting net/ipv4/conf/eth0/accept_redirects': '0',
  'setting net/ipv6/conf/eth0/accept_redirects': '0',
  'setting net/ipv4/conf/eth0/accept_source_route': '0',
};

const EXHAUSTION: Outcomes = {
  'open files until there are no more': 'EMFILE',
  'inotify until there are no more': 'EMFILE',
  // The kernel's least, which a device of 512 MiB has.
  'files that it may watch': '8192',
  'watch files until there are no more': 'ENOSPC',
  'a file in /tmp beyond its share': 'ENOSPC',
  'a file in /dev/shm beyond its share': 'ENOSPC',
  'keep 64 MiB from being reclaimed': 'ENOMEM',
  'keep 1 MiB of a file from being reclaimed': 'ENOMEM',
  'run before all others': 'EPERM',
  'connect to its own socket without end': 'the first is closed',
  // As its own line, and not as one of init's.
  'forge a line of init': 'ok',
};

function refusedCalls(board: BoardId): Outcomes {
  return Object.fromEntries(
    SYSCALL_GROUP_NAMES.flatMap((group) => {
      const { answer } = SYSCALL_GROUPS[group];
      const calls: readonly SyscallName[] = SYSCALL_GROUPS[group].calls;
      return calls
        .filter((call) => syscallNumber(call, BOARDS[board].nodeArch) !== null)
        .map((call): [string, string] => [`call ${call}`, answer]);
    }),
  );
}
