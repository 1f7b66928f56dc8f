// What apps wait for: the network, a clock that is right, another app. `net` says of the first two in files
// that it replaces whole; they are watched (inotify) while somebody waits, and at no other time.

import { mkdirSync, readFileSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import {
  type DeviceCondition,
  appOfCondition,
  isDeviceCondition,
} from '../../../shared/services/app-contract.ts';
import { NET_STATUS_PATH, type NetStatus } from '../../../shared/network/net-status.ts';
import { TIME_STATUS_PATH, type TimeStatus } from '../../../shared/network/time-status.ts';
import type { Sys } from '../../sys/sys.ts';

/** How often files are looked at where the kernel gives no more watches. */
const POLL_MS = 1000;

interface Source {
  path: string;
  holds: (status: unknown) => boolean;
}

const SOURCES: Readonly<Record<DeviceCondition, Source>> = {
  clock: { path: TIME_STATUS_PATH, holds: (status) => (status as TimeStatus).synchronised },
  network: { path: NET_STATUS_PATH, holds: (status) => (status as NetStatus).online },
};
const DIRECTORY = dirname(NET_STATUS_PATH);
const FILE_NAMES = new Set(Object.values(SOURCES).map(({ path }) => basename(path)));

interface Waiter {
  conditions: readonly string[];
  missing: string;
  onMissing: (missing: readonly string[]) => void;
  resolve: () => void;
}

export interface WaitOptions {
  /** Ends the wait; the promise then stays pending. */
  signal: AbortSignal;
  /** Called whenever what is missing has changed. */
  onMissing?: (missing: readonly string[]) => void;
}

export class Conditions {
  readonly #sys: Sys;
  readonly #isAppRunning: (name: string) => boolean;
  readonly #waiters = new Set<Waiter>();
  #stopWatching: (() => void) | undefined;

  constructor(sys: Sys, isAppRunning: (name: string) => boolean) {
    this.#sys = sys;
    this.#isAppRunning = isAppRunning;
  }

  /** Lists the conditions that do not hold now. */
  missing(conditions: readonly string[]): string[] {
    return conditions.filter((condition) => !this.#holds(condition));
  }

  /** Resolves as soon as all hold at the same time. */
  whenMet(conditions: readonly string[], { signal, onMissing = () => {} }: WaitOptions): Promise<void> {
    if (conditions.some(isDeviceCondition)) this.#stopWatching ??= this.#watch();
    return new Promise((resolve) => {
      // Looked at after the watch has begun: a change in between would be missed.
      const missing = this.missing(conditions);
      if (missing.length === 0) {
        this.#restIfUnused();
        resolve();
        return;
      }
      const waiter = { conditions, missing: missing.join(), onMissing, resolve };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', () => this.#remove(waiter), { once: true });
    });
  }

  /** Something has changed that a condition may depend on. */
  recheck(): void {
    for (const waiter of this.#waiters) {
      const missing = this.missing(waiter.conditions);
      if (missing.length === 0) {
        this.#remove(waiter);
        waiter.resolve();
      } else if (missing.join() !== waiter.missing) {
        waiter.missing = missing.join();
        waiter.onMissing(missing);
      }
    }
  }

  #holds(condition: string): boolean {
    if (isDeviceCondition(condition)) return this.#readSource(SOURCES[condition]);
    const app = appOfCondition(condition);
    return app !== undefined && this.#isAppRunning(app);
  }

  #readSource({ path, holds }: Source): boolean {
    try {
      return holds(JSON.parse(readFileSync(this.#sys.path(path), 'utf8')));
    } catch {
      // The file was not written yet.
      return false;
    }
  }

  #remove(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    this.#restIfUnused();
  }

  #restIfUnused(): void {
    const isUsed = [...this.#waiters].some(({ conditions }) => conditions.some(isDeviceCondition));
    if (isUsed) return;
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  #watch(): () => void {
    const directory = this.#sys.path(DIRECTORY);
    let poll: NodeJS.Timeout | undefined;
    const pollInstead = (): void => {
      poll ??= setInterval(() => this.recheck(), POLL_MS);
    };
    let watcher: FSWatcher | undefined;
    try {
      mkdirSync(directory, { recursive: true });
      watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (name === null || FILE_NAMES.has(name)) this.recheck();
      });
      watcher.on('error', pollInstead);
    } catch {
      pollInstead();
    }
    return () => {
      watcher?.close();
      clearInterval(poll);
    };
  }
}

const WORDS: Readonly<Record<DeviceCondition, string>> = { clock: 'the clock', network: 'the network' };

/** `the clock and app database` */
export function describeConditions(conditions: readonly string[]): string {
  return conditions
    .map((condition) => (isDeviceCondition(condition) ? WORDS[condition] : condition.replace(':', ' ')))
    .join(' and ');
}
