// A Raspberry Pi that is switched on: firmware by its rules, then QEMU with exactly what they choose, and again at each restart.
// The reboot flag lives here, as it does in the registers of the real one: cleared before anything starts, set by a restart
// that asks for it, gone when the power goes.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FileDevice } from '../../../src/host/files/file-device.ts';
import { QmpClient } from '../../../src/host/vm/qmp.ts';
import { atExit, endChildAtTheEnd } from '../at-the-end.ts';
import { cell, formatDeviceTree, makeNode, text } from './device-tree.ts';
import { unpackKernel } from './kernel-file.ts';
import { type PiStart, startFrom } from './pi-firmware.ts';
import type { MachineRun, PiMachine } from './pi-machines.ts';
import type { PiModel } from './pi-models.ts';
import { freePort } from '../network/free-port.ts';

export interface StandInOptions {
  machine: PiMachine;
  model: PiModel;
  diskPath: string;
  guestPorts?: readonly number[];
  /** So many restarts on trial it comes up as after any other one, as some Raspberry Pi 5s do until their power was cut. */
  forgetsTryboot?: number;
  /** For the kernel, behind all others. */
  extraWords?: readonly string[];
}

/** What an EEPROM says of itself: 2025-05-08, started from the SD card, for a board that takes any version. */
const EEPROM = { 'build-timestamp': Date.UTC(2025, 4, 8) / 1000, 'boot-mode': 1 };

/** More than any test's story needs: a machine that never comes to rest ends here. */
const MAX_STARTS = 12;

/** Of the kernel, at a restart with an argument. */
const RESTART_COMMAND = /reboot: Restarting system with command '([^']*)'/;

export class StandIn {
  /** What the firmware has chosen, start by start. */
  readonly starts: PiStart[] = [];
  readonly ports: ReadonlyMap<number, number>;
  /** How the machine came to its end; rejects when the firmware stops, or restarts without end. */
  readonly ended: Promise<'powered-off' | 'power-cut'>;
  readonly #options: StandInOptions;
  readonly #directory: string;
  /** Says that the stand-in need not be removed any more when this process goes. */
  readonly #forget: () => void;
  #qemu: ChildProcess | undefined;
  #isCut = false;
  #forgotten = 0;

  private constructor(options: StandInOptions, ports: ReadonlyMap<number, number>) {
    this.#options = options;
    this.ports = ports;
    // A Unix socket's path is limited to 107 bytes.
    this.#directory = mkdtempSync(join(tmpdir(), 'tsk-pi-'));
    this.#forget = atExit(() => rmSync(this.#directory, { recursive: true, force: true }));
    this.ended = this.#goOn();
    // Whoever waits for something else hears of a failure by that; `ended` itself may be asked for much later.
    this.ended.catch(() => undefined);
  }

  static async powerOn(options: StandInOptions): Promise<StandIn> {
    const ports = new Map<number, number>();
    for (const guestPort of options.guestPorts ?? []) ports.set(guestPort, await freePort());
    return new StandIn(options, ports);
  }

  /** Of all starts so far. */
  console(): string {
    return this.starts.map((_, index) => this.consoleOf(index)).join('');
  }

  consoleOf(index: number): string {
    const path = this.#path(index, 'console');
    return existsSync(path) ? readFileSync(path, 'latin1') : '';
  }

  /** Of the QEMU that runs now; undefined between two. */
  get pid(): number | undefined {
    return this.#qemu?.pid;
  }

  get restarts(): number {
    return this.starts.length - 1;
  }

  /** The plug is pulled: what was not written is lost, and so is the flag. */
  async cutPower(): Promise<void> {
    this.#isCut = true;
    this.#qemu?.kill('SIGKILL');
    await this.ended.catch(() => undefined);
  }

  /** Ends it, however it goes, and leaves nothing behind but the disk. */
  async dispose(): Promise<void> {
    await this.cutPower();
    this.#forget();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #goOn(): Promise<'powered-off' | 'power-cut'> {
    let isTryboot = false;
    while (this.starts.length < MAX_STARTS) {
      const reason = await this.#start(isTryboot);
      if (this.#isCut) return 'power-cut';
      if (reason === 'guest-shutdown') return 'powered-off';
      if (reason !== 'guest-reset') throw new Error(`QEMU ended: ${reason ?? this.#messages()}`);
      isTryboot = this.#askedForTryboot() && !this.#forgets();
    }
    throw new Error(`The machine was started ${MAX_STARTS} times and came to no rest`);
  }

  /** Until QEMU ends; what it says of the reason. */
  async #start(isTryboot: boolean): Promise<string | undefined> {
    const { machine, model, diskPath } = this.#options;
    const disk = await FileDevice.open(diskPath, 'r');
    const run = this.#files(this.starts.length);
    let deviceTreePath: string;
    try {
      const start = await startFrom(disk, model, { isTryboot });
      const kernel = (await start.files.readFile(start.kernelPath))!;
      writeFileSync(run.kernelPath, unpackKernel(start.kernelPath, kernel));
      run.cmdline = this.#cmdline(start);
      deviceTreePath = this.#writeTree(start, run);
      this.starts.push(start);
    } finally {
      await disk.close();
    }
    if (this.#isCut) return undefined;
    const messages = openSync(this.#path(0, 'messages'), 'a');
    const args = [...machine.arguments(run), '-dtb', deviceTreePath];
    const qemu = spawn(machine.program, args, { stdio: ['ignore', messages, messages] });
    closeSync(messages);
    endChildAtTheEnd(qemu);
    this.#qemu = qemu;
    const ended = once(qemu, 'exit');
    const shutdown = watchShutdown(qemu, run.qmpSocketPath);
    await ended;
    return shutdown();
  }

  #cmdline({ cmdline }: PiStart): string {
    const { machine, extraWords = [] } = this.#options;
    const words = cmdline.replaceAll(/\bconsole=serial0\b/g, `console=${machine.console}`);
    return [words, ...machine.words, ...extraWords].join(' ');
  }

  /** raspberrypi/documentation, configuration/device-tree.adoc, part 4. QEMU itself puts the command line there. */
  #writeTree(start: PiStart, run: MachineRun): string {
    const tree = this.#options.machine.deviceTree(start, run, this.#directory);
    const bootloader = makeNode(tree, '/chosen/bootloader').properties;
    bootloader.set('partition', cell(start.partition.number));
    bootloader.set('tryboot', cell(start.isTryboot ? 1 : 0));
    if (start.model.firstStage === 'eeprom')
      for (const [name, value] of Object.entries(EEPROM)) bootloader.set(name, cell(value));
    makeNode(tree, '/chosen').properties.set('os_prefix', text(start.osPrefix));
    const path = join(this.#directory, 'tree.dtb');
    writeFileSync(path, formatDeviceTree(tree));
    return path;
  }

  /** A reset by the watchdog leaves neither trace. On a machine that has both, they have to agree. */
  #askedForTryboot(): boolean {
    const index = this.starts.length - 1;
    const command = RESTART_COMMAND.exec(this.consoleOf(index))?.[1] ?? '';
    // As the kernel's driver looks for it.
    const isAsked = command.includes(' tryboot');
    const unknownPath = this.#path(index, 'unknown');
    const seen = this.#options.machine.sawTryboot(
      existsSync(unknownPath) ? readFileSync(unknownPath, 'latin1') : '',
    );
    if (seen === false && isAsked)
      throw new Error('The kernel restarted on trial and told the firmware nothing of it');
    return isAsked;
  }

  #forgets(): boolean {
    if (this.#forgotten === (this.#options.forgetsTryboot ?? 0)) return false;
    this.#forgotten++;
    return true;
  }

  #files(index: number): MachineRun {
    const { diskPath } = this.#options;
    const forwards = [...this.ports].map(([guestPort, hostPort]) => ({ hostPort, guestPort }));
    return {
      diskPath,
      forwards,
      cmdline: '',
      kernelPath: join(this.#directory, 'kernel'),
      consolePath: this.#path(index, 'console'),
      unknownPath: this.#path(index, 'unknown'),
      qmpSocketPath: this.#path(index, 'qmp'),
    };
  }

  #path(index: number, what: string): string {
    return join(this.#directory, `${what}-${index}`);
  }

  #messages(): string {
    return readFileSync(this.#path(0, 'messages'), 'utf8').trim() || 'it says nothing';
  }
}

/** Lets a machine that waits run. Gives the reason that QEMU said for its end, once it has ended. */
function watchShutdown(qemu: ChildProcess, socketPath: string): () => string | undefined {
  let reason: string | undefined;
  const watch = async (): Promise<void> => {
    while (qemu.exitCode === null && qemu.signalCode === null) {
      const client = await QmpClient.connect(socketPath).catch(() => undefined);
      client?.onEvent((event, data) => {
        if (event === 'SHUTDOWN') reason = String(data['reason']);
      });
      // One that has ended meanwhile says so by its end.
      if (client) return void client.execute('cont').catch(() => undefined);
      // QEMU makes its socket within some 50 ms; nothing announces it.
      await delay(20);
    }
  };
  void watch();
  return () => reason;
}
