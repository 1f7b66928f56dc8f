// One cgroup (v2) a service: by it everything that a service started is found and killed, also what has
// left its process group (Linux documentation, admin-guide/cgroup-v2).

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import type { ServiceLimits } from '../../../shared/services/sandbox.ts';
import type { Sys } from '../../sys/sys.ts';

const ROOT = '/sys/fs/cgroup';
const PARENT = `${ROOT}/tsk`;
const CONTROLLERS = ['cpu', 'memory', 'pids', 'io'];
/** Written to cgroup.procs it means the writer itself. */
const SELF = '0';

export class ServiceCgroup {
  readonly #root: string;
  readonly #directory: string;

  constructor(root: string, directory: string) {
    this.#root = root;
    this.#directory = directory;
  }

  /**
   * Runs `start`, and what it forks is in this cgroup from its first instruction: init goes in, forks
   * and goes out again. A child that were moved after its start could have forked before.
   */
  startInside<T>(start: () => T): T {
    writeFileSync(`${this.#directory}/cgroup.procs`, SELF);
    try {
      return start();
    } finally {
      writeFileSync(`${this.#root}/cgroup.procs`, SELF);
    }
  }

  get directory(): string {
    return this.#directory;
  }

  /** Returns what the kernel cannot limit. What is not limited any more is so again as the kernel begins. */
  limit({ maxProcesses, memoryBytes, cpuWeight }: Partial<ServiceLimits> = {}): string[] {
    const settings = [
      { what: 'processes', file: 'pids.max', value: maxProcesses, unlimited: 'max' },
      { what: 'memory', file: 'memory.max', value: memoryBytes, unlimited: 'max' },
      // All of the service dies when it is over its limit: half a service is of no use to anybody.
      { what: 'memory', file: 'memory.oom.group', value: memoryBytes && 1, unlimited: 0 },
      { what: 'processor time', file: 'cpu.weight', value: cpuWeight, unlimited: 100 },
    ];
    const missed = settings.filter(
      ({ file, value, unlimited }) => !this.#set(file, value ?? unlimited) && value !== undefined,
    );
    return [...new Set(missed.map(({ what }) => what))];
  }

  processes(): number[] {
    const text = readFileSync(`${this.#directory}/cgroup.procs`, 'latin1');
    return text.split('\n').filter(Boolean).map(Number);
  }

  /** Processes that were killed because of the memory limit, since the cgroup exists. */
  memoryKills(): number {
    try {
      const events = readFileSync(`${this.#directory}/memory.events`, 'latin1');
      return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
    } catch {
      return 0; // No memory controller.
    }
  }

  #set(file: string, value: number | string): boolean {
    const path = `${this.#directory}/${file}`;
    try {
      // Never made anew: a file that is missing is a controller that is missing.
      writeFileSync(path, String(value), { flag: 'r+' });
      return true;
    } catch {
      return false;
    }
  }

  kill(): void {
    writeFileSync(`${this.#directory}/cgroup.kill`, '1');
  }

  /** One that is asked for again is made anew. */
  remove(): void {
    try {
      rmdirSync(this.#directory);
    } catch {
      // Something in it hangs in the kernel.
    }
  }

  isEmpty(): boolean {
    return /^populated 0$/m.test(readFileSync(`${this.#directory}/cgroup.events`, 'utf8'));
  }
}

/** Makes the cgroups of services; undefined where the kernel has none. */
export function openServiceCgroups(sys: Sys): ((name: string) => ServiceCgroup) | undefined {
  const root = sys.path(ROOT);
  if (!existsSync(`${root}/cgroup.controllers`)) return undefined;
  const parent = sys.path(PARENT);
  mkdirSync(parent, { recursive: true });
  for (const directory of [root, parent]) enableControllers(directory);
  return (name) => {
    const directory = `${parent}/${name}`;
    mkdirSync(directory, { recursive: true });
    return new ServiceCgroup(root, directory);
  };
}

/** One by one: a write that names a controller which the kernel lacks fails as a whole. */
function enableControllers(directory: string): void {
  const available = readFileSync(`${directory}/cgroup.controllers`, 'utf8').split(/\s+/);
  for (const controller of CONTROLLERS) {
    if (!available.includes(controller)) continue;
    try {
      writeFileSync(`${directory}/cgroup.subtree_control`, `+${controller}`);
    } catch {
      // A controller may refuse (cpu does with real-time processes about); only its limits are missed then.
    }
  }
}
