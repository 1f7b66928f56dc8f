// The real kernel behind `Sys`, through libc.

import { chmodSync, chownSync, closeSync, openSync } from 'node:fs';
import { getRawPointer } from 'node:ffi';
import { syncAndUnmount } from './bounded-sync.ts';
import { linuxBpf } from './bpf.ts';
import { firmwareProperty } from './firmware-property.ts';
import { ipcObjectBytes } from './ipc-objects.ts';
import * as ioctls from './ioctls.ts';
import { loadKernel, unloadKernel } from './kexec.ts';
import { bindLibc } from './libc.ts';
import { loadModules } from './load-modules.ts';
import { ownSyscallNumber } from './own-syscall.ts';
import { linuxStorage } from './linux-storage.ts';
import { openListeningSocket } from './listening-socket.ts';
import { isOwnChild, runProgram, spawnProcess } from './processes.ts';
import { keepCodeInMemory } from './own-code.ts';
import { listenToUevents } from './uevent-socket.ts';
import type { DeviceNode, MountFlag, PowerCommand, Sys, Watchdog } from './sys.ts';

/** linux/mount.h */
const MOUNT_FLAGS: Readonly<Record<MountFlag, number>> = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  remount: 0x20,
  noatime: 0x400,
  bind: 0x1000,
  /** A bind with what is mounted below. */
  rbind: 0x1000 | 0x4000,
};
const MNT_DETACH = 0x2;
/** linux/reboot.h, as C's int. */
const RB_DISABLE_CAD = 0;
const POWER_COMMANDS: Readonly<Record<PowerCommand, number>> = {
  restart: 0x01234567,
  halt: 0xcdef0123 | 0,
  poweroff: 0x4321fedc,
  kexec: 0x45584543,
};
/** Of linux/reboot.h: reboot(2) of libc takes no argument for the command. */
const REBOOT_MAGIC_1 = 0xfee1deadn;
const REBOOT_MAGIC_2 = 672274793n;
const RESTART2 = 0xa1b2c3d4n;
/** inode(7) */
const FILE_TYPES: Readonly<Record<DeviceNode['kind'], number>> = { character: 0o020000, block: 0o060000 };
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
/** linux/wait.h */
const P_ALL = 0;
const WNOHANG = 0x1;
const WEXITED = 0x4;
const WNOWAIT = 0x01000000;

const mount = bindLibc('mount', ['string', 'string', 'string', 'uint64', 'string']);
const umount2 = bindLibc('umount2', ['string', 'int32']);
const mknod = bindLibc('mknod', ['string', 'uint32', 'uint64']);
const sethostname = bindLibc('sethostname', ['buffer', 'uint64']);
const clockSettime = bindLibc('clock_settime', ['int32', 'buffer']);
const reboot = bindLibc('reboot', ['int32']);
const syscall = bindLibc('syscall', ['uint64', 'uint64', 'uint64', 'uint64', 'string']);
const socket = bindLibc('socket', ['int32', 'int32', 'int32']);
const ioctl = bindLibc('ioctl', ['int32', 'uint64', 'buffer']);
const waitid = bindLibc('waitid', ['int32', 'int32', 'buffer', 'int32']);
const waitpid = bindLibc('waitpid', ['int32', 'buffer', 'int32']);

export function linuxSys(): Sys {
  return {
    ...linuxStorage(),
    uptimeMs: () => Number(process.hrtime.bigint() / 1_000_000n),

    mount(request) {
      const flags = request.flags.reduce((bits, flag) => bits | MOUNT_FLAGS[flag], 0);
      mount(request.source, request.target, request.type, BigInt(flags), request.options ?? '');
    },
    unmount(target) {
      umount2(target, 0);
    },
    detachMount(target) {
      umount2(target, MNT_DETACH);
    },
    syncAndUnmount,
    makeDeviceNode,

    setHostname(name) {
      const bytes = new TextEncoder().encode(name);
      sethostname(bytes, BigInt(bytes.length));
    },
    setClock,
    addEntropy(seed, creditBits) {
      withFile('/dev/urandom', 'r+', (fd) => {
        ioctl(fd, BigInt(ioctls.RNDADDENTROPY), ioctls.encodeRandPoolInfo(seed, creditBits));
      });
    },
    bringUpInterface,
    openListeningSocket,
    openWatchdog,

    resizePartition(disk, { number, startBytes, lengthBytes }) {
      const partition = ioctls.encodeBlkpgPartition(number, startBytes, lengthBytes);
      const request = ioctls.encodeBlkpgResize(getRawPointer(partition), partition.length);
      withFile(disk, 'r', (fd) => ioctl(fd, BigInt(ioctls.BLKPG), request));
      // The kernel follows the address: `partition` has to be alive until here.
      if (partition.length === 0) throw new RangeError('unreachable');
    },
    resizeExt4(mountPoint, blockCount) {
      const count = new BigUint64Array([BigInt(blockCount)]);
      withFile(mountPoint, 'r', (fd) =>
        ioctl(fd, BigInt(ioctls.EXT4_IOC_RESIZE_FS), new Uint8Array(count.buffer)),
      );
    },

    clearImmutable,
    loadKernel,
    unloadKernel,

    run: runProgram,
    spawn: spawnProcess,
    kill,
    groupExists: (processGroup) => kill(-processGroup, 0),
    endedChild,
    isOwnChild,
    reap(pid) {
      waitpid(pid, null, WNOHANG);
    },

    listenToUevents,
    loadModules,

    ipcObjectBytes,
    bpf: linuxBpf,
    keepCodeInMemory,
    catchCtrlAltDel() {
      reboot(RB_DISABLE_CAD);
    },
    firmwareProperty: (tag, value) => firmwareProperty('/dev/vcio', tag, value),
    restartWith(argument) {
      syscall(BigInt(ownSyscallNumber('reboot')), REBOOT_MAGIC_1, REBOOT_MAGIC_2, RESTART2, argument);
    },
    power(command) {
      reboot(POWER_COMMANDS[command]);
    },
  };
}

/** Closed to all but root until it is whole: mknod(2) heeds the umask, and knows no group. */
function makeDeviceNode(path: string, { kind, number, group, mode }: DeviceNode): void {
  mknod(path, FILE_TYPES[kind], BigInt(number));
  chownSync(path, 0, group);
  chmodSync(path, mode);
}

function setClock(timeMs: number): void {
  const CLOCK_REALTIME = 0;
  const seconds = Math.floor(timeMs / 1000);
  const nanoseconds = Math.round((timeMs - seconds * 1000) * 1e6);
  const timespec = new BigInt64Array([BigInt(seconds), BigInt(nanoseconds)]);
  clockSettime(CLOCK_REALTIME, new Uint8Array(timespec.buffer));
}

function bringUpInterface(name: string): void {
  const fd = socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  try {
    const request = ioctls.encodeInterfaceRequest(name);
    ioctl(fd, BigInt(ioctls.SIOCGIFFLAGS), request);
    ioctls.setInterfaceUp(request);
    ioctl(fd, BigInt(ioctls.SIOCSIFFLAGS), request);
  } finally {
    closeSync(fd);
  }
}

function endedChild(): number | undefined {
  const PID_OFFSET = 16;
  const siginfo = new Uint8Array(128);
  try {
    waitid(P_ALL, 0, siginfo, WEXITED | WNOHANG | WNOWAIT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECHILD') return undefined;
    throw error;
  }
  return new DataView(siginfo.buffer).getInt32(PID_OFFSET, true) || undefined;
}

/** False when there is nothing to send to. */
function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Stays open for good: closing it would stop some watchdogs and make others reset the device. */
function openWatchdog(path: string, timeoutSec: number): Watchdog {
  const fd = openSync(path, 'w');
  const value = new Int32Array([timeoutSec]);
  const bytes = new Uint8Array(value.buffer);
  try {
    ioctl(fd, BigInt(ioctls.WDIOC_SETTIMEOUT), bytes);
  } catch {
    // A watchdog that does not take every time (a Raspberry Pi's has at most 15 s) keeps its own.
  }
  ioctl(fd, BigInt(ioctls.WDIOC_GETTIMEOUT), bytes);
  return {
    timeoutSec: value[0] ?? timeoutSec,
    feed: () => void ioctl(fd, BigInt(ioctls.WDIOC_KEEPALIVE), bytes),
  };
}

function clearImmutable(path: string): void {
  withFile(path, 'r', (fd) => {
    const flags = new Uint8Array(8);
    ioctl(fd, BigInt(ioctls.FS_IOC_GETFLAGS), flags);
    flags[0]! &= ~ioctls.FS_IMMUTABLE_FL;
    ioctl(fd, BigInt(ioctls.FS_IOC_SETFLAGS), flags);
  });
}

function withFile(path: string, mode: string, use: (fd: number) => void): void {
  const fd = openSync(path, mode);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}
