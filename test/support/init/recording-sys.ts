// A kernel that writes down what it is asked for, over a scratch directory that stands for the root. Whole
// boots run against it, and the test compares the log (the idea is erlinit's).

import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type {
  DeviceNode,
  KernelImage,
  ModuleFailure,
  ModuleToLoad,
  MountRequest,
  ProcessExit,
  ProgramResult,
  SpawnRequest,
  Sys,
} from '../../../src/device/sys/sys.ts';

export interface RecordedProcess {
  request: SpawnRequest;
  pid: number;
  write(text: string, stream?: 'stdout' | 'stderr'): void;
  exit(exit: Partial<ProcessExit>): void;
}

/** What a test changes about the kernel's answers. Each may throw, as the kernel would refuse. */
export interface Answers {
  mount?: (request: MountRequest) => void;
  run?: (argv: readonly string[]) => ProgramResult;
  spawn?: (request: SpawnRequest) => void;
  onSignal?: (process: RecordedProcess, signal: string) => void;
  resizePartition?: () => void;
  loadProgram?: () => void;
  loadKernel?: (image: KernelImage) => void;
  /** undefined: the firmware does not know the tag. */
  firmwareProperty?: (tag: number, value: number) => number | undefined;
  /** undefined: they load. */
  loadModules?: (modules: readonly ModuleToLoad[]) => Promise<ModuleFailure | undefined>;
  rootDevice?: string;
}

export class RecordingSys implements Sys, Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'tsk-root-'));
  readonly log: string[] = [];
  readonly processes: RecordedProcess[] = [];
  readonly answers: Answers;
  /** Plays the kernel to whoever listens to its announcements. */
  announce: (text: string) => void = () => {};
  loseAnnouncements: () => void = () => {};
  #nextPid = 100;

  constructor(answers: Answers = {}) {
    this.answers = answers;
    for (const directory of ['dev', 'proc', 'sys', 'tmp', 'run', 'perm', 'etc/tskrazy']) {
      mkdirSync(join(this.root, directory), { recursive: true });
    }
  }

  file(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), content);
  }

  overwrite(path: string, offsetBytes: number, bytes: Uint8Array): void {
    const fd = openSync(this.path(path), 'r+');
    writeSync(fd, bytes, 0, bytes.length, offsetBytes);
    closeSync(fd);
  }

  /** A sparse file that stands for a block device, with what sysfs says of it. */
  disk(
    name: string,
    sizeBytes: number,
    partitions: Readonly<Record<number, [start: number, size: number]>>,
  ): void {
    this.file(`/dev/${name}`, '');
    truncateSync(this.path(`/dev/${name}`), sizeBytes);
    const sysfs = `/sys/devices/${name}`;
    this.file(`${sysfs}/size`, `${sizeBytes / 512}\n`);
    for (const [number, [startBytes, lengthBytes]] of Object.entries(partitions)) {
      this.file(`${sysfs}/${name}${number}/partition`, `${number}\n`);
      this.file(`${sysfs}/${name}${number}/start`, `${startBytes / 512}\n`);
      this.file(`${sysfs}/${name}${number}/size`, `${lengthBytes / 512}\n`);
      this.file(`/dev/${name}${number}`, '');
      truncateSync(this.path(`/dev/${name}${number}`), lengthBytes);
      mkdirSync(this.path('/sys/dev/block'), { recursive: true });
      symlinkSync(`../../devices/${name}/${name}${number}`, this.path(`/sys/dev/block/254:${number}`));
    }
  }

  path(path: string): string {
    return join(this.root, path);
  }

  uptimeMs(): number {
    return 1234;
  }

  mount(request: MountRequest): void {
    const { source, target, type, flags, options } = request;
    this.#write(
      `mount ${source} on ${target} type ${type} (${[...flags, options].filter(Boolean).join(',')})`,
    );
    this.answers.mount?.(request);
  }

  unmount(target: string): void {
    this.#write(`unmount ${target}`);
  }

  detachMount(target: string): void {
    this.#write(`detach ${target}`);
  }

  async syncAndUnmount(targets: readonly string[]): Promise<'done'> {
    this.#write(['sync', ...targets.map((target) => `unmount ${target}`)].join(', '));
    return 'done';
  }

  /** A file that says what it is: only root makes nodes. */
  makeDeviceNode(path: string, { kind, number, group, mode }: DeviceNode): void {
    writeFileSync(path, `${kind} ${number >> 8}:${number & 0xff} group ${group} mode ${mode.toString(8)}`, {
      flag: 'wx',
    });
  }

  rootDevice(): string {
    return this.answers.rootDevice ?? '254:2';
  }

  dropBlockCache(device: string): void {
    this.#write(`drop cache of ${device}`);
  }

  setHostname(name: string): void {
    this.#write(`hostname ${name}`);
  }

  setClock(timeMs: number): void {
    this.#write(`clock ${new Date(timeMs).toISOString()}`);
  }

  addEntropy(seed: Uint8Array, creditBits: number): void {
    this.#write(`entropy ${seed.length} bytes, credit ${creditBits} bits`);
  }

  bringUpInterface(name: string): void {
    this.#write(`interface ${name} up`);
  }

  openListeningSocket(port: number): number {
    this.#write(`listen on TCP port ${port}`);
    return 1000 + port;
  }

  openWatchdog(path: string, timeoutSec: number): { timeoutSec: number; feed: () => void } {
    this.#write(`watchdog ${path}, ${timeoutSec} s`);
    return { timeoutSec, feed: () => {} };
  }

  resizePartition(
    disk: string,
    partition: { number: number; startBytes: number; lengthBytes: number },
  ): void {
    this.#write(
      `partition ${partition.number} of ${disk}: ${partition.lengthBytes} bytes at ${partition.startBytes}`,
    );
    this.answers.resizePartition?.();
  }

  resizeExt4(mountPoint: string, blockCount: number): void {
    this.#write(`ext4 ${mountPoint}: ${blockCount} blocks`);
  }

  clearImmutable(path: string): void {
    this.#write(`${path} may be changed`);
  }

  async loadKernel(image: KernelImage, cmdline: string): Promise<void> {
    this.#write(`load kernel from ${image.device}: ${cmdline}`);
    this.answers.loadKernel?.(image);
  }

  async unloadKernel(): Promise<void> {
    this.#write('unload kernel');
  }

  async run(argv: readonly string[]): Promise<ProgramResult> {
    const result = this.answers.run?.(argv) ?? { exitCode: 0, output: '' };
    this.#write(`run ${argv.join(' ')} -> ${result.exitCode}`);
    return result;
  }

  async spawn(request: SpawnRequest): Promise<{ pid: number; closeOutput: () => void }> {
    const of = request.root === undefined ? '' : ` of ${request.root}`;
    this.#write(`spawn ${request.argv.join(' ')} in ${request.cwd}${of}`);
    this.answers.spawn?.(request);
    const process = this.#makeProcess(request);
    this.processes.push(process);
    return { pid: process.pid, closeOutput: () => {} };
  }

  kill(pid: number, signal: 'SIGTERM' | 'SIGKILL' | 'SIGUSR1'): boolean {
    this.#write(`kill ${pid} ${signal}`);
    const process = this.processes.find((candidate) => candidate.pid === -pid);
    if (process === undefined) return false;
    if (this.answers.onSignal) this.answers.onSignal(process, signal);
    else process.exit({ signal });
    return true;
  }

  groupExists(processGroup: number): boolean {
    return this.processes.some((process) => process.pid === processGroup);
  }

  endedChild(): undefined {}

  isOwnChild(): boolean {
    return true;
  }

  reap(): void {}

  ipcObjectBytes(): { segmentBytes: number; messageBytes: number } {
    return { segmentBytes: 0, messageBytes: 0 };
  }

  /** Takes all, and has refused nothing. */
  readonly bpf: Sys['bpf'] = {
    createMap: () => 2000,
    putElement: () => {},
    removeElement: () => {},
    takeElement: () => undefined,
    loadProgram: () => {
      this.answers.loadProgram?.();
      return 2001;
    },
    attach: () => {},
    close: () => {},
  };

  listenToUevents(onMessage: (bytes: Uint8Array) => void, onOverflow: () => void): () => void {
    this.#write('listen to uevents');
    const [announce, loseAnnouncements] = [this.announce, this.loseAnnouncements];
    this.announce = (text) => {
      announce(text);
      onMessage(Buffer.from(text));
    };
    this.loseAnnouncements = () => {
      loseAnnouncements();
      onOverflow();
    };
    return () => {};
  }

  async loadModules(modules: readonly ModuleToLoad[]): Promise<ModuleFailure | undefined> {
    for (const { path, parameters } of modules) this.#write(`load ${path} ${parameters}`.trimEnd());
    return this.answers.loadModules?.(modules);
  }

  keepCodeInMemory(keep: boolean): void {
    this.#write(keep ? 'keep the code in memory' : 'let go of the code');
  }

  catchCtrlAltDel(): void {
    this.#write('catch ctrl-alt-del');
  }

  firmwareProperty(tag: number, value: number): number | undefined {
    this.#write(`firmware property 0x${tag.toString(16)}: ${value}`);
    return this.answers.firmwareProperty?.(tag, value);
  }

  restartWith(argument: string): void {
    this.#write(`restart with "${argument}"`);
  }

  power(command: string): void {
    this.#write(`power ${command}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #makeProcess(request: SpawnRequest): RecordedProcess {
    const process: RecordedProcess = {
      request,
      pid: this.#nextPid++,
      write: (text, stream = 'stdout') => request.onOutput(stream, Buffer.from(text), { rest: () => {} }),
      exit: ({ code = null, signal = null }) => {
        const index = this.processes.indexOf(process);
        if (index < 0) return;
        this.processes.splice(index, 1);
        request.onExit({ code, signal });
        request.onClose();
      },
    };
    return process;
  }

  /** Paths as the device knows them. */
  #write(line: string): void {
    this.log.push(line.replaceAll(this.root, ''));
  }
}
