// A service's process with all that it started: asked to end, or made to. The cgroup knows them all; on a
// kernel without cgroups it is the process group, which a process can leave.

import type { Sys } from '../../sys/sys.ts';
import type { SandboxProcesses } from './sandbox-processes.ts';
import type { ServiceCgroup } from './service-cgroup.ts';
import { endsWithin, KILL_LIMIT_MS } from './ends-within.ts';

export class ProcessTree {
  /** The service's main process. */
  readonly pid: number;
  /** Leads a process group, too. */
  readonly #child: number;
  readonly #group: number;
  readonly #sys: Sys;
  readonly #cgroup: ServiceCgroup | undefined;

  /** `inSandbox`: where the service's processes are when `child` is only what watches over their sandbox. */
  constructor(child: number, sys: Sys, cgroup: ServiceCgroup | undefined, inSandbox?: SandboxProcesses) {
    this.pid = inSandbox?.app ?? child;
    this.#child = child;
    this.#group = inSandbox?.group ?? child;
    this.#sys = sys;
    this.#cgroup = cgroup;
  }

  /** SIGTERM; true when all have ended within the limit. */
  async askToEnd(limitMs: number): Promise<boolean> {
    this.#sys.kill(-this.#group, 'SIGTERM');
    return this.#ends(limitMs);
  }

  /** SIGKILL; false when something hangs in the kernel. */
  async kill(): Promise<boolean> {
    this.#cgroup?.kill();
    this.#sys.kill(-this.#child, 'SIGKILL');
    return this.#ends(KILL_LIMIT_MS);
  }

  /** What `start` forks belongs to it, and ends with it. */
  startInside<T>(start: () => T): T {
    return this.#cgroup === undefined ? start() : this.#cgroup.startInside(start);
  }

  processes(): readonly number[] {
    return this.#cgroup?.processes() ?? [this.pid];
  }

  /** Text of a file of its cgroup; undefined where there is none. */
  readCgroup(name: string): string | undefined {
    return this.#cgroup?.read(name);
  }

  isEmpty(): boolean {
    return this.#cgroup === undefined ? !this.#sys.groupExists(this.#child) : this.#cgroup.isEmpty();
  }

  #ends(limitMs: number): Promise<boolean> {
    return endsWithin(limitMs, () => this.isEmpty());
  }
}
