// A machine whose QEMU ends at each restart, and is started again, with what the disk starts then where it has no firmware
// (virtual-machine.ts says which and why). To the rest it is one machine, whose process changes.

import { readFile } from 'node:fs/promises';
import { watchKernel } from './kernel-watchdog.ts';
import type { Accelerator } from './qemu-command.ts';
import { QmpClient } from './qmp.ts';
import type { VmRecord } from './vm-registry.ts';

/** One QEMU, from a start of the machine to the next. */
export interface MachineRun {
  pid: number;
  accelerator: Accelerator;
  qmpSocketPath: string;
  consolePath: string;
  /** Host port of each forwarded guest port. */
  ports: ReadonlyMap<number, number>;
  /** Otherwise its process ends at a restart, and whoever started the machine starts another one. */
  restartsItself: boolean;
  ended: Promise<void>;
  /** The process that started the machine goes; whoever stays keeps its record in the list. */
  letGo(record: VmRecord): void;
}

export interface RestartingOptions {
  /** `previous`: the run whose ports and console the new one goes on with. */
  launch(isTrial: boolean, previous: MachineRun | undefined): Promise<MachineRun>;
  /** So long a kernel on trial may take to come up before the machine is reset; null: for ever. */
  kernelWatchdogSec: number | null;
  /** A control socket of its own for who listens all the time: QEMU speaks with one at a time on each. */
  watchSocketPathOf(run: MachineRun): string;
  /** Called when the machine has another process than before. */
  onRestart(machine: MachineRun): Promise<void>;
  /** Called when the machine is reset because its kernel has not come up. */
  onReset(): void;
  /** Called when a start fails, which ends the machine. */
  onFailure(error: unknown): void;
}

/** The kernel of a Raspberry Pi says so, after the command that makes its firmware start another slot once. */
const ASKED_FOR_TRIAL = "Restarting system with command '0 tryboot'";

/** Reasons of QMP's SHUTDOWN (qapi/run-state.json, ShutdownCause): the guest, its watchdog, or somebody at QEMU's socket. */
const RESETS: ReadonlySet<unknown> = new Set(['guest-reset', 'subsystem-reset', 'host-qmp-system-reset']);

export class RestartingMachine implements MachineRun {
  readonly restartsItself = false;
  readonly ended: Promise<void>;
  readonly #options: RestartingOptions;
  #run: MachineRun;
  #shutdown: ShutdownWatch;
  /** Of the console when the run began: what an earlier one asked for has been done. */
  #consoleBytes = 0;

  private constructor(options: RestartingOptions, run: MachineRun, shutdown: ShutdownWatch) {
    this.#options = options;
    this.#run = run;
    this.#shutdown = shutdown;
    this.ended = this.#goOn();
  }

  static async start(options: RestartingOptions): Promise<RestartingMachine> {
    const run = await options.launch(false, undefined);
    return new RestartingMachine(options, run, await watchShutdown(options.watchSocketPathOf(run)));
  }

  get pid(): number {
    return this.#run.pid;
  }

  get accelerator(): Accelerator {
    return this.#run.accelerator;
  }

  get qmpSocketPath(): string {
    return this.#run.qmpSocketPath;
  }

  get consolePath(): string {
    return this.#run.consolePath;
  }

  get ports(): ReadonlyMap<number, number> {
    return this.#run.ports;
  }

  letGo(record: VmRecord): void {
    this.#run.letGo(record);
  }

  async #goOn(): Promise<void> {
    for (;;) {
      await this.#run.ended;
      if (!RESETS.has(await this.#shutdown.reason())) return;
      try {
        await this.#restart();
      } catch (error) {
        this.#options.onFailure(error);
        return;
      }
    }
  }

  async #restart(): Promise<void> {
    const options = this.#options;
    const console = await readFile(this.#run.consolePath);
    // A kernel that is none prints nothing, so that no line of its own would say where the run begins.
    const isTrial = console.includes(ASKED_FOR_TRIAL, this.#consoleBytes);
    this.#consoleBytes = console.length;
    this.#run = await options.launch(isTrial, this.#run);
    this.#shutdown = await watchShutdown(options.watchSocketPathOf(this.#run));
    // The committed slot would only start again and again, and whoever started the machine watches its first boot.
    if (isTrial) void this.#watchKernel();
    await options.onRestart(this);
  }

  async #watchKernel(): Promise<void> {
    const { kernelWatchdogSec } = this.#options;
    if (kernelWatchdogSec === null) return;
    const limitMs = kernelWatchdogSec * 1000;
    const watched = { pid: this.#run.pid, client: this.#shutdown.client, limitMs };
    if (await watchKernel(watched)) this.#options.onReset();
  }
}

interface ShutdownWatch {
  client: QmpClient;
  /** Why QEMU has ended, as it said itself; undefined when it was ended by others. */
  reason(): Promise<unknown>;
}

async function watchShutdown(socketPath: string): Promise<ShutdownWatch> {
  let said: unknown;
  const client = await QmpClient.connect(socketPath);
  client.onEvent((event, { reason }) => {
    if (event === 'SHUTDOWN') said = reason;
  });
  return {
    client,
    async reason() {
      // What it said last may still be on its way.
      await client.closed;
      return said;
    },
  };
}
