// Ends a shortage of memory before it becomes a standstill. The kernel kills only when there is nothing left to
// reclaim, and before that it drops the code of running programs, which they read again at once: a device
// without swap then stands still for minutes, init with it. Our kernels have neither PSI nor a multi-generational
// LRU to notice that by, so init looks at what is available, the more often the less there is; while it counts who holds
// what, all apps are held still. An app that is faster than that is the kernel's to kill: when memory is short, that has
// been told whom to take, as it does not see what lies in memfds. Whoever has opened most of the files that the device can
// have open goes in the same way, before others cannot open any.

import { readFileSync } from 'node:fs';
import { OPEN_FILES_SHARE } from '../../../shared/services/app-limits.ts';
import { describeError } from '../../describe-error.ts';
import type { Sys } from '../../sys/sys.ts';
import { putFirst } from '../supervisor/oom-score.ts';
import { freezeApps } from '../supervisor/service-cgroup.ts';
import type { Service } from '../supervisor/service.ts';
import { describeHeld, heldMemory } from './held-memory.ts';
import { MemoryAccounts } from './memory-accounts.ts';

const MIB = 1024 * 1024;
/** The app that holds most is killed. Below 25 MiB a device with 512 MiB does little else than read code again. */
const OUT_OF_MEMORY_BYTES = 32 * MIB;
/** Init keeps its own code in memory, to be there when it has to act. */
const SHORT_OF_MEMORY_BYTES = 128 * MIB;
/** Then somebody has taken enough for the order of apps to be another one. */
const WORTH_COUNTING_BYTES = 8 * MIB;
/** A shell and an sshd for each of some people is less. */
const TOO_MUCH_TO_STAY_BYTES = 32 * MIB;
/** What an app may take in the time between two looks. */
const BYTES_PER_MS = MIB;
const SHORTEST_INTERVAL_MS = 20;
const LONGEST_INTERVAL_MS = 1000;

export interface MemoryGuardOptions {
  sys: Sys;
  apps: () => readonly Service[];
  /** What goes before all apps, and while there is still enough for them: a break-glass session. */
  goFirst: () => readonly Service[];
  say: (text: string) => void;
}

/** Guards until the device goes down. */
export function guardMemory({ sys, apps, goFirst, say }: MemoryGuardOptions): void {
  let isShort = false;
  const keepCode = (keep: boolean): void => {
    try {
      sys.keepCodeInMemory(keep);
    } catch (error) {
      say(`Cannot keep the code of init in memory: ${describeError(error)}`);
    }
  };
  const accounts = new MemoryAccounts(sys);
  const suspect = new Suspect(sys);
  /** What was available when apps were last counted. */
  let countedAtBytes = Infinity;
  const check = async (): Promise<void> => {
    const availableBytes = accounts.availableBytes();
    if (availableBytes < SHORT_OF_MEMORY_BYTES !== isShort) {
      isShort = !isShort;
      keepCode(isShort);
    }
    const isOut = availableBytes < OUT_OF_MEMORY_BYTES;
    if (isShort && (await killFirst(sys, goFirst()))) {
      setTimeout(look, SHORTEST_INTERVAL_MS).unref();
      return;
    }
    if (!isShort) {
      countedAtBytes = Infinity;
      suspect.set(undefined);
    }
    if (isOut || (isShort && availableBytes < countedAtBytes - WORTH_COUNTING_BYTES)) {
      countedAtBytes = availableBytes;
      await whileFrozen(sys, () => {
        const [first] = accounts.largest(apps());
        suspect.set(first?.app);
        const why = 'the device ran out of memory, and of all apps this had most';
        return isOut ? first?.app.kill(`${why}: it ${describeHeld(first.held)}`) : undefined;
      });
    } else if (openFilesShare(sys) > OPEN_FILES_SHARE) {
      const first = accounts.largest(apps()).toSorted((a, b) => b.held.openFiles - a.held.openFiles)[0];
      const why = 'the device can hardly open any more files, and of all apps this had most';
      if (first !== undefined) await first.app.kill(`${why}: ${first.held.openFiles} in its processes`);
    }
    setTimeout(look, intervalMs(availableBytes)).unref();
  };
  let problem = '';
  const look = (): void => {
    check().catch((error: unknown) => {
      const text = `Cannot guard the memory: ${describeError(error)}`;
      // The next look may succeed, as when an app has gone during this one.
      if (text !== problem) say(text);
      problem = text;
      setTimeout(look, LONGEST_INTERVAL_MS).unref();
    });
  };
  look();
}

/** Whether one of these held so much that it had to go. */
async function killFirst(sys: Sys, services: readonly Service[]): Promise<boolean> {
  for (const service of services) {
    const held = service.tree && heldMemory(sys, service.tree);
    if (held === undefined || held.bytes < TOO_MUCH_TO_STAY_BYTES) continue;
    await service.kill(`memory is short, and this goes before all apps: it ${describeHeld(held)}`);
    return true;
  }
  return false;
}

/** What apps could take in the meantime would be gone before anything is known. */
function whileFrozen<T>(sys: Sys, act: () => T): T {
  freezeApps(sys, true);
  try {
    return act();
  } finally {
    freezeApps(sys, false);
  }
}

/** The app that the kernel is to kill first. */
class Suspect {
  readonly #sys: Sys;
  #app: Service | undefined;

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  /** What an app starts later inherits that it is first. */
  set(app: Service | undefined): void {
    if (this.#app !== app) putFirst(this.#sys, this.#app?.tree?.processes() ?? [], false);
    this.#app = app;
    putFirst(this.#sys, app?.tree?.processes() ?? [], true);
  }
}

/** proc_sys_fs(5), file-nr: files that are open, a 0, and how many can be. */
function openFilesShare(sys: Sys): number {
  const [open, , limit] = readFileSync(sys.path('/proc/sys/fs/file-nr'), 'latin1').trim().split(/\s+/);
  return Number(open) / Number(limit);
}

function intervalMs(availableBytes: number): number {
  const untilOutMs = (availableBytes - OUT_OF_MEMORY_BYTES) / BYTES_PER_MS;
  return Math.min(LONGEST_INTERVAL_MS, Math.max(SHORTEST_INTERVAL_MS, untilOutMs / 2));
}
