// A machine without firmware: QEMU ends at each restart, and is started again with what the disk starts then. To the rest it
// is one machine, whose process changes.

import { readFile } from 'node:fs/promises';
import type { Accelerator } from './qemu-command.ts';
import { QmpClient } from './qmp.ts';

/** One QEMU, from a start of the machine to the next. */
export interface MachineRun {
  pid: number;
  accelerator: Accelerator;
  qmpSocketPath: string;
  consolePath: string;
  /** Host port of each forwarded guest port. */
  ports: ReadonlyMap<number, number>;
  ended: Promise<void>;
  letGo(): void;
}

export interface RestartingOptions {
  /** `previous`: the run whose ports and console the new one goes on with. */
  launch(isTrial: boolean, previous: MachineRun | undefined): Promise<MachineRun>;
  /** A control socket of its own for who listens all the time: QEMU speaks with one at a time on each. */
  watchSocketPathOf(run: MachineRun): string;
  /** Called when the machine has another process than before. */
  onRestart(machine: MachineRun): Promise<void>;
  /** Called when a start fails, which ends the machine. */
  onFailure(error: unknown): void;
}

/** The kernel of a Raspberry Pi says so, after the command that makes its firmware start another slot once. */
const ASKED_FOR_TRIAL = "Restarting system with command '0 tryboot'";

export class RestartingMachine implements MachineRun {
  readonly ended: Promise<void>;
  readonly #options: RestartingOptions;
  #run: MachineRun;
  #askShutdown: AskShutdown;

  private constructor(options: RestartingOptions, run: MachineRun, askShutdown: AskShutdown) {
    this.#options = options;
    this.#run = run;
    this.#askShutdown = askShutdown;
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

  letGo(): void {
    this.#run.letGo();
  }

  async #goOn(): Promise<void> {
    for (;;) {
      await this.#run.ended;
      if ((await this.#askShutdown()) !== 'guest-reset') return;
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
    const console = await readFile(this.#run.consolePath, 'latin1');
    // Each start prints this: what an earlier one asked for has been done.
    const lastStart = console.slice(Math.max(0, console.lastIndexOf('Booting Linux on')));
    this.#run = await options.launch(lastStart.includes(ASKED_FOR_TRIAL), this.#run);
    this.#askShutdown = await watchShutdown(options.watchSocketPathOf(this.#run));
    await options.onRestart(this);
  }
}

/** Why QEMU has ended, as it said itself; undefined when it was ended by others. */
type AskShutdown = () => Promise<unknown>;

async function watchShutdown(socketPath: string): Promise<AskShutdown> {
  let said: unknown;
  const client = await QmpClient.connect(socketPath);
  client.onEvent((event, { reason }) => {
    if (event === 'SHUTDOWN') said = reason;
  });
  return async () => {
    // What it said last may still be on its way.
    await client.closed;
    return said;
  };
}
