// One cgroup (v2) a service: by it everything that a service started is found and killed, also what has
// left its process group (Linux documentation, admin-guide/cgroup-v2).
//
//   /sys/fs/cgroup            init, and the kernel's threads
//   /sys/fs/cgroup/tsk/NAME   programs of ours
//   /sys/fs/cgroup/apps/NAME  apps, which together get what shared/services/app-limits.ts says

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { CGROUP_OF_GUESTS } from '../../../shared/breakglass/breakglass-api.ts';
import type { ServiceLimits } from '../../../shared/services/sandbox.ts';
import type { ServiceKind } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';
import { endsWithin, KILL_LIMIT_MS } from './ends-within.ts';
import {
  CPU_WEIGHT_OF_APPS,
  defaultMemoryBytes,
  PROCESSES_OF_SYSTEM,
} from '../../../shared/services/app-limits.ts';

const ROOT = '/sys/fs/cgroup';
const OF_SYSTEM = `${ROOT}/tsk`;
const OF_APPS = `${ROOT}/apps`;
const CONTROLLERS = ['cpu', 'memory', 'pids', 'io'];
/** Written to cgroup.procs it means the writer itself. */
const SELF = '0';

export class ServiceCgroup {
  readonly #root: string;
  readonly #directory: string;
  readonly #defaultMemory: number | 'max';

  constructor(root: string, directory: string, defaultMemory: number | 'max' = 'max') {
    this.#root = root;
    this.#directory = directory;
    this.#defaultMemory = defaultMemory;
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

  /** Returns what the kernel cannot limit. What is not limited any more has its default again. */
  limit({ maxProcesses, memoryBytes, cpuWeight }: Partial<ServiceLimits> = {}): string[] {
    const byDefault = this.#defaultMemory === 'max' ? 0 : 1;
    const settings = [
      { what: 'processes', file: 'pids.max', value: maxProcesses, unlimited: 'max' },
      { what: 'memory', file: 'memory.max', value: memoryBytes, unlimited: this.#defaultMemory },
      // All of the service dies when it is over its limit: half a service is of no use to anybody.
      { what: 'memory', file: 'memory.oom.group', value: memoryBytes && 1, unlimited: byDefault },
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
    return Number(/^oom_kill (\d+)$/m.exec(this.read('memory.events') ?? '')?.[1] ?? 0);
  }

  /** undefined: the kernel has no controller for it. */
  read(file: string): string | undefined {
    try {
      return readFileSync(`${this.#directory}/${file}`, 'latin1');
    } catch {
      return undefined;
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

  /** Nothing where there is no cgroup any more: only one that is empty can be removed. */
  kill(): void {
    this.#set('cgroup.kill', 1);
  }

  /** One that is asked for again is made anew. */
  remove(): void {
    for (const directory of [`${this.#directory}/${CGROUP_OF_GUESTS}`, this.#directory])
      try {
        rmdirSync(directory);
      } catch {
        // There is none, or something in it hangs in the kernel.
      }
  }

  /** So is one that was removed, by whoever waited for the same end. */
  isEmpty(): boolean {
    try {
      return /^populated 0$/m.test(readFileSync(`${this.#directory}/cgroup.events`, 'utf8'));
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENODEV') return true;
      throw error;
    }
  }
}

export type OpenCgroup = (service: { name: string; kind: ServiceKind }) => ServiceCgroup;

/** Makes the cgroups of services; undefined where the kernel has none. */
export function openServiceCgroups(sys: Sys, say: (text: string) => void): OpenCgroup | undefined {
  const root = sys.path(ROOT);
  if (!existsSync(`${root}/cgroup.controllers`)) return undefined;
  const [ofSystem, ofApps] = [sys.path(OF_SYSTEM), sys.path(OF_APPS)];
  for (const directory of [ofSystem, ofApps]) mkdirSync(directory, { recursive: true });
  for (const directory of [root, ofSystem, ofApps]) enableControllers(directory);
  const missed = new ServiceCgroup(root, ofApps).limit(limitsOfAllApps(sys));
  if (missed.length > 0)
    say(`cannot limit ${missed.join(' and ')} of all apps together: the kernel has no controller for it`);
  return ({ name, kind }) => {
    const isOurs = kind === 'system';
    const directory = `${isOurs ? ofSystem : ofApps}/${name}`;
    mkdirSync(directory, { recursive: true });
    return new ServiceCgroup(root, directory, isOurs ? 'max' : defaultMemoryBytes(totalmem()));
  };
}

/**
 * Holds all apps still, or lets them go on; they do not notice but for the time that has gone. Nothing where the kernel has no
 * cgroups.
 */
export function freezeApps(sys: Sys, isFrozen: boolean): void {
  try {
    writeFileSync(sys.path(`${OF_APPS}/cgroup.freeze`), isFrozen ? '1' : '0', { flag: 'r+' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * Ends what a break-glass session has started in sandboxes of apps. Those who could start more have to be gone. Resolves when
 * nothing of it is left; false: something hangs in the kernel.
 */
export async function endGuests(sys: Sys): Promise<boolean> {
  const ofApps = sys.path(OF_APPS);
  const groups = readNames(ofApps)
    .map((name) => `${ofApps}/${name}/${CGROUP_OF_GUESTS}`)
    .filter((group) => existsSync(group))
    .map((group) => new ServiceCgroup(ofApps, group));
  for (const group of groups) group.kill();
  if (!(await endsWithin(KILL_LIMIT_MS, () => groups.every((group) => group.isEmpty())))) return false;
  for (const group of groups) group.remove();
  return true;
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** So many processes can there be on the device, but for some that it needs itself. */
function limitsOfAllApps(sys: Sys): Partial<ServiceLimits> {
  const bounds = ['threads-max', 'pid_max'].map((name) =>
    Number(readFileSync(sys.path(`/proc/sys/kernel/${name}`), 'latin1')),
  );
  return { maxProcesses: Math.min(...bounds) - PROCESSES_OF_SYSTEM, cpuWeight: CPU_WEIGHT_OF_APPS };
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
