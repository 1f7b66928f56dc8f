// What an app may do and use: as tskrazy.json's keys `user`, `sandbox`, `memory`, `maxProcesses` and `cpuWeight`
// end up in the device's configuration. Its user's number comes from the app's name alone, so that its data stay
// its own whatever other apps come and go.

import { createHash } from 'node:crypto';
import type { SyscallGroupName } from './syscalls.ts';

export interface SandboxSpec {
  /** Names (device-names.ts), or paths below /dev; `*` in the last part stands for any characters. */
  devices: readonly string[];
  /** Absolute paths that it sees besides the read-only root and its data directory. */
  paths: Readonly<Record<string, 'ro' | 'rw'>>;
  /** Names of capabilities(7), in capitals. */
  capabilities: readonly string[];
  /** Absent: none besides those of its capabilities. */
  syscalls?: readonly SyscallGroupName[];
  /** Whether it has a shell and its commands in /bin (shell.ts). Absent: false. */
  hasShell?: boolean;
}

/** The group has the same number. */
export interface ServiceUser {
  name: string;
  uid: number;
}

export interface ServiceLimits {
  /** Threads count too. */
  maxProcesses: number;
  memoryBytes?: number;
  /** Share of the processor when there is not enough for all, 1 to 10000; 100 is everybody's. */
  cpuWeight?: number;
}

/** Clear of what Debian, Docker and systemd give out; ext4 and the kernel take 32 bits. */
const FIRST_UID = 0x1000_0000;
const UID_COUNT = 0x1000_0000;
/** Whom the kernel lets use io_uring: no user has it for its own. */
export const IO_URING_GROUP = FIRST_UID - 1;
/** Nobody's, not even root's without privileges: whose the blocks of /perm are that only privileged programs may use. */
export const RESERVE_USER = FIRST_UID - 2;

/** Apps that may set the channels of the header's PWM: in sysfs a file has one group, however many apps there are. */
export const PWM_GROUP = FIRST_UID - 3;

export function uidOfApp(name: string): number {
  const digest = createHash('sha256').update(`tskrazy app ${name}`).digest();
  return FIRST_UID + (digest.readUInt32BE(0) % UID_COUNT);
}

export const MEMORY_SIZE = /^(\d+(?:\.\d+)?) ?([KMG]iB)$/;
const UNIT_BYTES: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** NaN for what does not match MEMORY_SIZE. */
export function parseMemorySize(text: string): number {
  const [, amount, unit = ''] = MEMORY_SIZE.exec(text) ?? [];
  return Math.floor(Number(amount) * (UNIT_BYTES[unit] ?? Number.NaN));
}

/** linux/capability.h, in its order. */
export const CAPABILITIES: readonly string[] = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE',
  'NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT',
  'SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE',
  'AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ',
  'PERFMON BPF CHECKPOINT_RESTORE',
].flatMap((line) => line.split(' ').map((name) => `CAP_${name}`));
