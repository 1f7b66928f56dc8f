// A virtual machine with apps of device-apps/, for measurements and for tests that alter what it boots from. It
// knows the device from outside, by the page's API, and from inside, by the app "probe".

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BuiltImage, buildImage } from '../../../src/host/build/build-image.ts';
import { DEFAULT_DISK_BYTES, writeDiskImage } from '../../../src/host/build/disk-image.ts';
import { silentProgress } from '../../../src/host/progress.ts';
import { ensurePassword, type Instance, openInstance } from '../../../src/host/config/instance.ts';
import { answers } from '../../../src/host/vm/answers.ts';
import { bootMachine } from '../../../src/host/vm/boot-machine.ts';
import { powerOff, startVirtualMachine, type VirtualMachine } from '../../../src/host/vm/virtual-machine.ts';
import type { LogLine } from '../../../src/shared/services/services.ts';
import {
  type NewSession,
  type ServiceView,
  WEB_API,
  WEB_USER,
  type WebStatus,
} from '../../../src/shared/api/web-api.ts';
import { endMachineAtTheEnd } from '../at-the-end.ts';
import { askAgain } from '../web/ask-again.ts';
import { HOST_BOARD } from './host-board.ts';

const PROBE_PORT = 8081;
const TLS_PORT = 443;
/** The probe looks into the processes of all others. */
export const PROBE_APP = { source: 'probe.ts', user: 'root', sandbox: 'off' } as const;
/** An emulated boot on a busy machine takes minutes. */
const BOOT_LIMIT_MS = 10 * 60_000;

export interface ProcessFigures {
  pid: number;
  service: string;
  privateKiB: number;
  pssKiB: number;
  rssKiB: number;
  /** Open file descriptors. */
  files: number;
}

export interface DeviceFigures {
  totalKiB: number;
  availableKiB: number;
  /** Since boot. */
  cpu: { busyTicks: number; totalTicks: number };
  processes: ProcessFigures[];
}

export interface DiskOptions {
  /** By name: the file in device-apps/, and what else tskrazy.json says of it. */
  apps: Readonly<Record<string, { source: string; autostart?: boolean; user?: 'root'; sandbox?: 'off' }>>;
  diskBytes?: number;
  /** Beside those of every image. */
  kernelArgs?: readonly string[];
  /** Changes what is written to the disk. */
  alterImage?: (image: BuiltImage) => BuiltImage;
}

export interface BootOptions {
  memoryMiB?: number;
  extraQemuArgs?: readonly string[];
  /** Ports of the device that are to be reached besides. */
  guestPorts?: readonly number[];
}

/** An instance with its disk, which may be booted again and again. */
export class ProbeDisk {
  readonly path: string;
  readonly instance: Instance;
  readonly password: string;

  private constructor(instance: Instance, password: string) {
    this.instance = instance;
    this.path = join(instance.directory, 'disk.img');
    this.password = password;
  }

  /** Makes a disk that goes with this process, or by `remove`. */
  static async make(options: DiskOptions): Promise<ProbeDisk> {
    const instance = await openInstance(writeInstance(options));
    const built = await buildImage({ instance, board: HOST_BOARD, offline: false, report: silentProgress });
    const { password } = await ensurePassword(instance);
    const disk = new ProbeDisk(instance, password);
    const image = options.alterImage?.(built) ?? built;
    await writeDiskImage(image, disk.path, { sizeBytes: options.diskBytes ?? DEFAULT_DISK_BYTES });
    await built.dispose();
    return disk;
  }

  remove(): void {
    rmSync(this.instance.directory, { recursive: true, force: true });
  }
}

export class ProbeDevice {
  /** From starting QEMU to the first answer of the page. */
  readonly bootToPageMs: number;
  readonly #vm: VirtualMachine;
  readonly #password: string;
  #token = '';

  private constructor(vm: VirtualMachine, password: string, bootToPageMs: number) {
    this.#vm = vm;
    this.#password = password;
    this.bootToPageMs = bootToPageMs;
  }

  static async boot(
    disk: ProbeDisk,
    { memoryMiB = 512, extraQemuArgs = [], guestPorts = [] }: BootOptions = {},
  ): Promise<ProbeDevice> {
    let started = 0;
    const start = async (): Promise<VirtualMachine> => {
      started = performance.now();
      const machine = await startVirtualMachine({
        board: HOST_BOARD,
        name: 'probe',
        diskPath: disk.path,
        directory: disk.instance.directory,
        memoryMiB,
        forwards: [80, TLS_PORT, PROBE_PORT, ...guestPorts].map((guestPort) => ({ hostPort: 0, guestPort })),
        extraArgs: extraQemuArgs,
      });
      endMachineAtTheEnd(machine);
      return machine;
    };
    const vm = await bootMachine({
      start,
      isUp: (booting) => answers(`${urlOf(booting, 80)}health`, TRY_MS),
      askEveryMs: ASK_EVERY_MS,
      warn: (text) => process.stderr.write(`${text}\n`),
      report: silentProgress,
    });
    const device = new ProbeDevice(vm, disk.password, performance.now() - started);
    await device.#logIn();
    return device;
  }

  get pageUrl(): string {
    return urlOf(this.#vm, 80);
  }

  get tlsPort(): number {
    return this.#vm.ports.get(TLS_PORT) ?? 0;
  }

  /** Of this computer, for one of the device. */
  portOf(guestPort: number): number {
    return this.#vm.ports.get(guestPort) ?? 0;
  }

  get probeUrl(): string {
    return urlOf(this.#vm, PROBE_PORT);
  }

  /** Of a session: Basic authentication would cost the device a scrypt with each request. */
  get authorization(): string {
    return `Bearer ${this.#token}`;
  }

  console(): string {
    return consoleOf(this.#vm);
  }

  async status(): Promise<WebStatus> {
    return (await this.#request(WEB_API.status)).json() as Promise<WebStatus>;
  }

  async service(name: string): Promise<ServiceView> {
    const found = (await this.status()).services.find((service) => service.name === name);
    if (!found) throw new Error(`The device has no service "${name}"`);
    return found;
  }

  async logLines(name: string, lines: number): Promise<LogLine[]> {
    const text = await (await this.#request(WEB_API.log(name, { lines, format: 'ndjson' }))).text();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);
  }

  async act(name: string, action: 'start' | 'stop' | 'restart'): Promise<void> {
    await this.#request(WEB_API.serviceAction(name, action), 'POST');
  }

  async probeAnswers(): Promise<void> {
    await until(this.probeUrl);
  }

  /** What the probe reads in /proc. */
  async figures(): Promise<DeviceFigures> {
    return (await askAgain(new URL('processes', this.probeUrl))).json() as Promise<DeviceFigures>;
  }

  /** The probe writes lines of 100 bytes; the time that it took. */
  async writeLines(lines: number, perSecond: number): Promise<number> {
    const response = await askAgain(new URL(`write?lines=${lines}&perSecond=${perSecond}`, this.probeUrl));
    return ((await response.json()) as { elapsedMs: number }).elapsedMs;
  }

  async stop(): Promise<'powered-off' | 'killed'> {
    return powerOff(this.#vm, this.#vm.ended, 60_000);
  }

  async #logIn(): Promise<void> {
    const basic = Buffer.from(`${WEB_USER}:${this.#password}`).toString('base64');
    const response = await askAgain(new URL(WEB_API.sessions, this.pageUrl), {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
    });
    if (!response.ok) throw new Error(`The device refuses a session: ${response.status}`);
    this.#token = ((await response.json()) as NewSession).token;
  }

  async #request(path: string, method = 'GET'): Promise<Response> {
    const ask = (): Promise<Response> =>
      askAgain(new URL(path, this.pageUrl), { method, headers: { authorization: this.authorization } });
    let response = await ask();
    if (response.status === 401) {
      // Sessions end with a restart of `web`.
      await this.#logIn();
      response = await ask();
    }
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}

function writeInstance({ apps, kernelArgs = [] }: DiskOptions): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-probe-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  cpSync(join(import.meta.dirname, 'device-apps'), join(directory, 'src'), { recursive: true });
  const entries = Object.entries(apps).map(([name, { source, ...more }]) => [
    name,
    { node: `./src/${source}`, ...more },
  ]);
  const kernel = { extraArgs: kernelArgs };
  const config = {
    hostname: 'probe',
    board: HOST_BOARD.id,
    kernel,
    apps: Object.fromEntries(entries) as object,
  };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  return directory;
}

function urlOf(vm: VirtualMachine, guestPort: number): string {
  return `http://127.0.0.1:${vm.ports.get(guestPort) ?? 0}/`;
}

function consoleOf({ consolePath }: VirtualMachine): string {
  return existsSync(consolePath) ? readFileSync(consolePath, 'utf8') : '';
}

/** What is measured is rounded up by no more than this. */
const ASK_EVERY_MS = 20;
const TRY_MS = 2000;

async function until(url: string): Promise<void> {
  const started = Date.now();
  while (!(await answers(url, TRY_MS))) {
    if (Date.now() - started > BOOT_LIMIT_MS) throw new Error(`Nothing answers at ${url}`);
    await delay(ASK_EVERY_MS);
  }
}
