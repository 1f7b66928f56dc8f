// A service's process with all that it started: asked to end, or made to. The cgroup knows them all; on a
// kernel without cgroups it is the process group, which a process can leave.

import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { parseKibLine } from '../../proc-format.ts';
import type { Sys } from '../../sys/sys.ts';
import type { SandboxProcesses } from './sandbox-processes.ts';
import type { ServiceCgroup } from './service-cgroup.ts';

const POLL_MS = 20;
/** A killed process is gone at once, unless it hangs in the kernel; nobody can end it then. */
const KILL_LIMIT_MS = 5000;

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

  /** Memory that comes free when it is killed. */
  memoryBytes(): number {
    const pids = this.#cgroup?.processes() ?? [this.pid];
    return pids.map((pid) => memoryOf(this.#sys, pid)).reduce((sum, bytes) => sum + bytes, 0);
  }

  isEmpty(): boolean {
    return this.#cgroup === undefined ? !this.#sys.groupExists(this.#child) : this.#cgroup.isEmpty();
  }

  async #ends(limitMs: number): Promise<boolean> {
    const deadline = performance.now() + limitMs;
    while (!this.isEmpty()) {
      if (performance.now() > deadline) return false;
      await sleep(POLL_MS);
    }
    return true;
  }
}

function memoryOf(sys: Sys, pid: number): number {
  try {
    const text = readFileSync(sys.path(`/proc/${pid}/status`), 'latin1');
    return (parseKibLine(text, 'RssAnon') ?? 0) + (parseKibLine(text, 'RssShmem') ?? 0);
  } catch {
    return 0; // It has just ended.
  }
}
