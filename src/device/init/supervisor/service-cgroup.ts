// One cgroup (v2) a service: by it everything that a service started is found and killed, also what has
// left its process group (Linux documentation, admin-guide/cgroup-v2).

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

  kill(): void {
    writeFileSync(`${this.#directory}/cgroup.kill`, '1');
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
