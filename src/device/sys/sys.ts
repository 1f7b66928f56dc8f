// Everything that init asks of the kernel, as one interface: linux.ts does it, test/support/init/recording-sys.ts
// writes it down. Reading and writing files is not part of it: init uses node:fs on `path(...)`, which a
// test points at a scratch directory that stands for the root.

import type { Socket } from 'node:net';
import type { Bpf } from './bpf.ts';

export interface MountRequest {
  source: string;
  target: string;
  type: string;
  flags: readonly MountFlag[];
  /** Options of the file system itself, comma-separated. */
  options?: string;
}

/** mount(2)'s flags, by the names that /proc/mounts and mount(8) give them. */
export type MountFlag = 'ro' | 'nosuid' | 'nodev' | 'noexec' | 'noatime' | 'remount' | 'bind' | 'rbind';

/** `kexec` starts the kernel that `loadKernel` has put into memory. */
export type PowerCommand = 'restart' | 'poweroff' | 'halt' | 'kexec';

export interface ProgramResult {
  /** null: killed by a signal or by the time limit. */
  exitCode: number | null;
  /** The last 16 KiB of both outputs. */
  output: string;
}

export interface SpawnRequest {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Directory that the process has for its root; `argv` and `cwd` are found in it. Default: init's own. */
  root?: string;
  /** Its input and its output, as inetd gives them; `onOutput` hears its errors alone. Default: no input. */
  connection?: Socket;
  /** Descriptors that it gets as its own from 3 on, in this order, and none besides but for that of `extraInputs`. */
  inherit?: readonly number[];
  /** What it can read from the descriptors after those: each up to the 64 KiB that a pipe holds. */
  extraInputs?: readonly Uint8Array[];
  /** May open its outputs anew by name (/dev/stderr); user and group. Default: init's own. */
  outputOwner?: number;
  /** `chunk` is used again after the call. */
  onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer, source: OutputSource) => void;
  /** Called once, when the process has ended; its output may still come, up to `onClose`. */
  onExit: (exit: ProcessExit) => void;
  /** Called once, when the process has ended and nobody holds its outputs open any more. */
  onClose: () => void;
}

export interface OutputSource {
  /** Stops reading for a while; a full pipe then holds the process up. */
  rest(forMs: number): void;
}

export interface ProcessExit {
  code: number | null;
  signal: string | null;
}

export interface SpawnedProcess {
  pid: number;
  /** Lets go of the outputs, even if a stray process still holds the other ends. */
  closeOutput(): void;
}

export interface Watchdog {
  timeoutSec: number;
  feed(): void;
}

export interface DeviceNode {
  kind: 'character' | 'block';
  /** `rdev` of stat(2). */
  number: number;
  group: number;
  mode: number;
}

/** Kernel's identification of a block device, "MAJOR:MINOR". */
export type DeviceNumber = string;

/** A kernel's file, by where its bytes lie. */
export interface KernelImage {
  /** Path of the block device. */
  device: string;
  extents: readonly { offsetBytes: number; lengthBytes: number }[];
}

export interface ModuleToLoad {
  path: string;
  /** As finit_module(2) takes them: words `NAME=VALUE`. */
  parameters: string;
  /** The file is a compressed one. */
  isPacked: boolean;
}

export interface ModuleFailure {
  path: string;
  /** Name of the error; ETIMEDOUT: it hangs, and may come up yet. */
  code: string;
}

export interface Sys {
  /** The place of the device's absolute `path`: the path itself, but for tests. */
  path(path: string): string;
  /** Milliseconds since the kernel started. */
  uptimeMs(): number;

  mount(request: MountRequest): void;
  /**
   * Detaches at once, with all that is mounted below; who uses it may go on to, and the mount is gone with the last
   * of them.
   */
  detachMount(target: string): void;
  /** Fails with EBUSY while somebody uses it. */
  unmount(target: string): void;
  /** sync(2), then umount2(2) of each target in turn, in a thread of its own: storage may hang for ever. */
  syncAndUnmount(targets: readonly string[], timeLimitMs: number): Promise<'done' | 'busy' | 'timed out'>;
  /** Device that the root file system is on. */
  rootDevice(): DeviceNumber;
  /** What is read of a block device from now on comes from the medium; only what was flushed before is sure to. */
  dropBlockCache(device: string): void;

  /** Makes a node of root's; fails with EEXIST. */
  makeDeviceNode(path: string, node: DeviceNode): void;

  setHostname(name: string): void;
  setClock(timeMs: number): void;
  /** Mixes `seed` into the kernel's random numbers and credits it with that many bits. */
  addEntropy(seed: Uint8Array, creditBits: number): void;
  bringUpInterface(name: string): void;
  /** Descriptor of a TCP socket that listens on all addresses and that no child inherits unless `spawn` says so. */
  openListeningSocket(port: number): number;
  openWatchdog(path: string, timeoutSec: number): Watchdog;

  /** Tells the kernel a partition's new length, also while it is in use. */
  resizePartition(disk: string, partition: { number: number; startBytes: number; lengthBytes: number }): void;
  /** Makes a mounted ext4 that many blocks large. */
  resizeExt4(mountPoint: string, blockCount: number): void;

  /** The flag that efivarfs gives to a variable's file, so that nobody deletes it by accident. */
  clearImmutable(path: string): void;
  /** Puts a kernel into memory for `power('kexec')`, instead of one that is there already. */
  loadKernel(image: KernelImage, cmdline: string): Promise<void>;
  unloadKernel(): Promise<void>;

  /** Runs a program to its end; never rejects for the way it ended. */
  run(argv: readonly string[], timeLimitMs: number): Promise<ProgramResult>;
  /**
   * Starts a process in a session of its own; rejects when it cannot be executed. The process exists
   * before this returns, so what it inherits (its cgroup) may be set before and set back right after.
   */
  spawn(request: SpawnRequest): Promise<SpawnedProcess>;
  /** kill(2); a negative number is a process group. True if there was anything to send to. */
  kill(pid: number, signal: 'SIGTERM' | 'SIGKILL' | 'SIGUSR1'): boolean;
  groupExists(processGroup: number): boolean;
  /** A child, own or adopted, that has ended and has not been waited for. It stays so. */
  endedChild(): number | undefined;
  /** Whether `pid` was started by `run` or `spawn` and has not been waited for by libuv yet. */
  isOwnChild(pid: number): boolean;
  /** waitpid(pid, WNOHANG) for a zombie that is nobody's but ours by adoption. */
  reap(pid: number): void;

  /**
   * Hears what the kernel announces of devices (formats/uevent.ts); `onOverflow`: some of it was lost. Returns how to
   * stop.
   */
  listenToUevents(onMessage: (bytes: Uint8Array) => void, onOverflow: () => void): () => void;
  /** In this order, until one fails. One that is there already has not failed. */
  loadModules(modules: readonly ModuleToLoad[], timeLimitMs: number): Promise<ModuleFailure | undefined>;
  /** Memory of System V's shared memory and messages in the namespace of a process. */
  ipcObjectBytes(pid: number): { segmentBytes: number; messageBytes: number };

  /** Programs that the kernel runs for the processes of a cgroup. */
  readonly bpf: Bpf;

  /** Whether the code that this program runs stays in memory when memory is short. */
  keepCodeInMemory(keep: boolean): void;
  /** Ctrl-Alt-Del becomes a SIGINT to PID 1 instead of an instant reset. */
  catchCtrlAltDel(): void;
  /**
   * Hands a word to a property of a Raspberry Pi's firmware, and returns the word that comes back; undefined: the firmware
   * does not know the tag. Fails with ENOENT where there is no such firmware.
   */
  firmwareProperty(tag: number, value: number): number | undefined;
  /** Restarts with an argument for whatever starts next (reboot(2), LINUX_REBOOT_CMD_RESTART2). Does not return on a device. */
  restartWith(argument: string): void;
  /** Does not return on a device. */
  power(command: PowerCommand): void;
}

/** The part that has to do with block devices: all that other programs than init need. */
export type StorageSys = Pick<Sys, 'path' | 'rootDevice' | 'dropBlockCache'>;
