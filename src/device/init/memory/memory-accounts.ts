// Who holds the memory of the device. What is left when every app has been asked is charged as well, or an app could hide
// behind the kernel: memory of files that are on their way in sockets to the app that has such, and what the kernel
// needs for sockets and pipes to all of them by the number of files that they have open.

import { readFileSync, statfsSync } from 'node:fs';
import { parseKibLine } from '../../proc-format.ts';
import type { Sys } from '../../sys/sys.ts';
import type { Service } from '../supervisor/service.ts';
import { TMPFS_MAGIC } from './files-in-memory.ts';
import { heldMemory, type HeldMemory, OF_KERNEL, withPart } from './held-memory.ts';

/** The device's own file systems in memory. */
const OWN_SCRATCH = ['/run', '/tmp', '/dev/shm'];
/** proc_meminfo(5): what is not the kernel's own, of what is in use. `Cached` has Shmem in it. */
const NOT_OF_KERNEL = ['MemFree', 'Buffers', 'Cached', 'AnonPages', 'SReclaimable', 'PageTables'];

export interface Account {
  app: Service;
  held: HeldMemory;
}

export class MemoryAccounts {
  readonly #sys: Sys;
  /** What the kernel needed before there was any app. */
  readonly #kernelAtFirst: number;

  constructor(sys: Sys) {
    this.#sys = sys;
    this.#kernelAtFirst = kernelBytes(this.#meminfo());
  }

  availableBytes(): number {
    const bytes = parseKibLine(this.#meminfo(), 'MemAvailable');
    if (bytes === undefined) throw new Error('The kernel does not say how much is available');
    return bytes;
  }

  /** Apps that run, the one that holds most first. */
  largest(apps: readonly Service[]): Account[] {
    const accounts = apps.flatMap((app): Account[] =>
      app.tree === undefined ? [] : [{ app, held: heldMemory(this.#sys, app.tree) }],
    );
    const complete = accounts.every(({ held }) => held.isCounted) ? accounts : this.#charge(accounts);
    return complete.toSorted((one, other) => other.held.bytes - one.held.bytes);
  }

  #charge(accounts: readonly Account[]): Account[] {
    const text = this.#meminfo();
    const hidden = Math.max(0, (parseKibLine(text, 'Shmem') ?? 0) - this.#shownBytes(accounts));
    const mostUnseen = Math.max(...accounts.map(({ held }) => held.unseenFiles));
    const hider = mostUnseen > 0 ? accounts.find(({ held }) => held.unseenFiles === mostUnseen) : undefined;
    const kernel = Math.max(0, kernelBytes(text) - this.#kernelAtFirst);
    const allFiles = Math.max(
      1,
      accounts.map(({ held }) => held.openFiles).reduce((a, b) => a + b, 0),
    );
    return accounts.map((account) => {
      const { app, held } = account;
      const charged = withPart(held, OF_KERNEL, (kernel * held.openFiles) / allFiles);
      return {
        app,
        held: account === hider ? withPart(charged, 'files on their way in sockets', hidden) : charged,
      };
    });
  }

  /** Files in memory of which is known whose they are. */
  #shownBytes(accounts: readonly Account[]): number {
    const own = OWN_SCRATCH.reduce((sum, path) => sum + usedBytes(this.#sys.path(path)), 0);
    return accounts.reduce((sum, { held }) => sum + held.filesBytes, own);
  }

  #meminfo(): string {
    return readFileSync(this.#sys.path('/proc/meminfo'), 'latin1');
  }
}

function kernelBytes(meminfo: string): number {
  const rest = NOT_OF_KERNEL.reduce((sum, name) => sum + (parseKibLine(meminfo, name) ?? 0), 0);
  return (parseKibLine(meminfo, 'MemTotal') ?? 0) - rest;
}

function usedBytes(path: string): number {
  try {
    const { type, bsize, blocks, bfree } = statfsSync(path);
    return type === TMPFS_MAGIC ? (blocks - bfree) * bsize : 0;
  } catch {
    return 0;
  }
}
