// Loads the kernel modules that devices ask for: those that are there when init starts (a walk through /sys/devices), and
// those that come later (the kernel's announcements). One chain at a time, what a module needs first; bounded in time and
// in number. The kernel itself may load, by name, what follows one of them, and nothing else.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isPackedModule, type ModuleFile, moduleName } from '../../../formats/kernel-modules.ts';
import { MODULE_HELPER_PATH, OFFERED_MODULES_DIRECTORY } from '../../../shared/board/kernel-modules.ts';
import { describeError } from '../../describe-error.ts';
import type { Sys } from '../../sys/sys.ts';
import type { UeventFeed } from '../uevents/uevent-feed.ts';
import { deviceAliases } from './device-aliases.ts';
import { ModuleSet } from './module-set.ts';

/** A chain of a handful of modules that has not come up by then does not come up. */
const CHAIN_LIMIT_MS = 30_000;
/** Each is a thread that hangs in the kernel. */
const MAX_HANGING = 3;
/** More than any device needs. */
const MAX_MODULES = 256;
const DIRECTORIES_A_TURN = 32;
/** Hardware that a module looks for, and that is not there. */
const NOTHING_TO_DRIVE = new Set(['ENODEV', 'ENXIO']);
/** Which program the kernel runs when it wants a module by name; empty: none. */
const HELPER_SETTING = '/proc/sys/kernel/modprobe';

export interface ModuleLoaderOptions {
  sys: Sys;
  uevents: UeventFeed;
  kernelArguments: ReadonlyMap<string, string>;
  say: (text: string) => void;
  warn: (text: string) => void;
}

export class ModuleLoader {
  readonly #options: ModuleLoaderOptions;
  readonly #sys: Sys;
  #set: ModuleSet | undefined;
  /** Modules that were tried, however it went. */
  readonly #tried = new Set<string>();
  #work = Promise.resolve();
  #hanging = 0;

  constructor(options: ModuleLoaderOptions) {
    this.#options = options;
    this.#sys = options.sys;
  }

  /** Does not wait for modules: `settled` does. A device whose image has none for its kernel costs two looks for a file. */
  start(): void {
    this.#set = ModuleSet.read(this.#sys, this.#options.kernelArguments);
    this.#setHelper('');
    if (this.#set === undefined) return;
    // First, so that what comes during the walk is not missed.
    this.#options.uevents.follow({
      onEvent: ({ action, modalias }) => {
        if (action === 'add' && modalias !== undefined) this.#meet(modalias);
      },
      onLoss: () => this.#enqueue(() => this.#walk()),
    });
    this.#enqueue(() => this.#walk());
  }

  /** When nothing is left to be loaded for now. */
  async settled(): Promise<void> {
    let work;
    while (work !== this.#work) {
      work = this.#work;
      await work;
    }
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work
      .then(work)
      .catch((error: unknown) =>
        this.#options.warn(`Cannot look for kernel modules: ${describeError(error)}`),
      );
  }

  /** In turns of a few milliseconds: the boot goes on in between. */
  async #walk(): Promise<void> {
    let directories = 0;
    for (const modalias of deviceAliases(this.#sys.path('/sys/devices'))) {
      if (modalias !== undefined) this.#meet(modalias);
      if (++directories % DIRECTORIES_A_TURN === 0) await nextTurn();
    }
  }

  #meet(modalias: string): void {
    for (const name of this.#set?.modulesFor(modalias) ?? []) {
      if (this.#tried.has(name) || this.#tried.size >= MAX_MODULES) continue;
      this.#tried.add(name);
      this.#enqueue(() => this.#load(name));
    }
  }

  async #load(name: string): Promise<void> {
    const set = this.#set;
    if (set === undefined || this.#hanging >= MAX_HANGING) return;
    let files: ModuleFile[];
    try {
      files = set.filesFor(name);
    } catch (error) {
      this.#options.warn(`Cannot load kernel module "${name}": ${describeError(error)}`);
      return;
    }
    const followers = set.followersOf(name);
    this.#offer(set, followers);
    const chain = [...files, ...followers.map(([, file]) => file)];
    const failure = await this.#sys.loadModules(
      chain.map((file) => withPath(this.#sys, set.describe(file))),
      CHAIN_LIMIT_MS,
    );
    if (failure === undefined) this.#tell(set, name, chain);
    else this.#complain(name, moduleName(failure.path), failure.code);
  }

  #tell(set: ModuleSet, name: string, chain: readonly ModuleFile[]): void {
    const others = chain.filter((file) => file.name !== name).map((file) => file.name);
    const { parameters } = set.describe(chain.find((file) => file.name === name)!);
    const withThem = others.length === 0 ? '' : `, with ${others.join(', ')}`;
    const how = parameters === '' ? '' : ` (${parameters})`;
    this.#options.say(`kernel module ${name} loaded${how}${withThem}`);
  }

  #complain(name: string, failed: string, code: string): void {
    if (NOTHING_TO_DRIVE.has(code)) {
      this.#options.say(`kernel module ${name} found nothing to drive`);
      return;
    }
    const what = failed === name ? '' : `its "${failed}" `;
    let problem = `${what}fails with ${code}`;
    if (code === 'ETIMEDOUT') {
      this.#hanging += 1;
      problem = `${what}has not come up within ${CHAIN_LIMIT_MS / 1000} s`;
      if (this.#hanging === MAX_HANGING) problem += '; no more modules are loaded';
    }
    this.#options.warn(`Cannot load kernel module "${name}": ${problem}`);
  }

  /** The kernel asks while the module starts: before it is loaded, the answer has to be there. */
  #offer(set: ModuleSet, followers: readonly [asked: string, file: ModuleFile][]): void {
    // The helper asks for no inflating: what is packed is loaded in its turn only.
    const offered = followers.filter(([, { path }]) => !isPackedModule(path));
    if (offered.length === 0) return;
    mkdirSync(this.#sys.path(OFFERED_MODULES_DIRECTORY), { recursive: true, mode: 0o700 });
    for (const [asked, file] of offered)
      symlinkSync(set.describe(file).path, this.#sys.path(OFFERED_MODULES_DIRECTORY + asked));
    this.#setHelper(MODULE_HELPER_PATH);
  }

  /** None, unless one is of use: any app that opens a socket of a rare kind has the kernel run it. */
  #setHelper(path: string): void {
    try {
      writeFileSync(this.#sys.path(HELPER_SETTING), `${path}\n`, { flag: 'r+' });
    } catch (error) {
      // A kernel that was built without modules has no such file.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function withPath<T extends { path: string }>(sys: Sys, module: T): T {
  return { ...module, path: sys.path(module.path) };
}
