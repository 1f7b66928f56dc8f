// A machine that a process of its own keeps (machine-keeper.ts), as its command sees it.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { commandPath } from '../package-root.ts';
import { UserError } from '../user-error.ts';
import type { KeeperNews, KeeperTask } from './machine-keeper.ts';
import type { MachineRun } from './restarting-machine.ts';
import type { VirtualMachine, VmOptions } from './virtual-machine.ts';
import type { VmRecord } from './vm-registry.ts';

type Started = Extract<KeeperNews, { kind: 'started' }>;

/** The words of the command that a keeper is. */
const KEEPER_WORDS = ['vm', 'keep'] as const;

export async function startKeptMachine(options: VmOptions): Promise<VirtualMachine> {
  const { board, onRestart: _, warn, ...rest } = options;
  const keeper = spawnKeeper(options.directory);
  const ended = new Promise<void>((resolve) => keeper.once('exit', () => resolve()));
  const task: KeeperTask = { ...rest, board: board.id };
  keeper.send(task);
  const started = await new Promise<Started>((resolve, reject) => {
    keeper.once('exit', (code) => reject(new Error(`The keeper of the virtual machine ended with ${code}`)));
    keeper.once('error', reject);
    keeper.on('message', (news: KeeperNews) => {
      if (news.kind === 'started') resolve(news);
      if (news.kind === 'warning') warn?.(news.text);
      if (news.kind === 'failed')
        reject(new UserError(news.message, news.hint === undefined ? {} : { hint: news.hint }));
    });
  });
  return new KeptMachine(keeper, started, ended, options.onRestart);
}

function spawnKeeper(directory: string): ChildProcess {
  const log = openSync(join(directory, 'keeper.log'), 'w');
  try {
    return spawn(process.execPath, [...process.execArgv, commandPath(), ...KEEPER_WORDS], {
      // A group of its own: Ctrl-C in the terminal is for the command.
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    });
  } finally {
    closeSync(log);
  }
}

class KeptMachine implements MachineRun {
  /** For who starts it; its keeper sees to that. */
  readonly restartsItself = true;
  readonly accelerator: MachineRun['accelerator'];
  readonly consolePath: string;
  readonly ports: ReadonlyMap<number, number>;
  readonly ended: Promise<void>;
  readonly #keeper: ChildProcess;
  #pid: number;
  #qmpSocketPath: string;

  constructor(
    keeper: ChildProcess,
    started: Started,
    ended: Promise<void>,
    onRestart: VmOptions['onRestart'],
  ) {
    this.#keeper = keeper;
    this.accelerator = started.accelerator;
    this.consolePath = started.consolePath;
    this.ports = new Map(started.ports);
    this.ended = ended;
    this.#pid = started.pid;
    this.#qmpSocketPath = started.qmpSocketPath;
    keeper.on('message', (news: KeeperNews) => {
      if (news.kind !== 'restarted') return;
      this.#pid = news.pid;
      this.#qmpSocketPath = news.qmpSocketPath;
      void onRestart?.(this);
    });
  }

  get pid(): number {
    return this.#pid;
  }

  get qmpSocketPath(): string {
    return this.#qmpSocketPath;
  }

  letGo(record: VmRecord): void {
    this.#keeper.send(record, () => {
      this.#keeper.disconnect();
      this.#keeper.unref();
    });
  }
}
