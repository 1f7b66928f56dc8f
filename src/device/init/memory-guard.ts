// Ends a shortage of memory before it becomes a standstill. The kernel kills only when there is nothing left to
// reclaim, and before that it drops the code of running programs, which they read again at once: a device
// without swap then stands still for minutes, init with it. Our kernels have neither PSI nor a multi-generational
// LRU to notice that by, so init looks at what is available, the more often the less there is.

import { readFileSync } from 'node:fs';
import { parseKibLine } from '../proc-format.ts';
import type { Sys } from '../sys/sys.ts';
import { describeError } from '../describe-error.ts';
import type { Service } from './supervisor/service.ts';

const MIB = 1024 * 1024;
/** The app that uses most is killed. Below 25 MiB a device with 512 MiB does little else than read code again. */
const OUT_OF_MEMORY_BYTES = 32 * MIB;
/** Init keeps its own code in memory, to be there when it has to act. */
const SHORT_OF_MEMORY_BYTES = 128 * MIB;
/** What an app may take in the time between two looks. */
const BYTES_PER_MS = 400 * 1024;
const SHORTEST_INTERVAL_MS = 50;
const LONGEST_INTERVAL_MS = 1000;

export interface MemoryGuardOptions {
  sys: Sys;
  apps: () => readonly Service[];
  say: (text: string) => void;
}

/** Guards until the device goes down. */
export function guardMemory({ sys, apps, say }: MemoryGuardOptions): void {
  let isShort = false;
  const keepCode = (keep: boolean): void => {
    try {
      sys.keepCodeInMemory(keep);
    } catch (error) {
      say(`Cannot keep the code of init in memory: ${describeError(error)}`);
    }
  };
  const check = async (): Promise<void> => {
    const availableBytes = readAvailable(sys);
    if (availableBytes < SHORT_OF_MEMORY_BYTES !== isShort) {
      isShort = !isShort;
      keepCode(isShort);
    }
    if (availableBytes < OUT_OF_MEMORY_BYTES)
      await largestOf(apps())?.kill('the device ran out of memory, and this used most of it');
    setTimeout(look, intervalMs(availableBytes)).unref();
  };
  const look = (): void => {
    check().catch((error: unknown) => say(`Cannot guard the memory any more: ${describeError(error)}`));
  };
  look();
}

function readAvailable(sys: Sys): number {
  const text = readFileSync(sys.path('/proc/meminfo'), 'latin1');
  const bytes = parseKibLine(text, 'MemAvailable');
  if (bytes === undefined) throw new Error('The kernel does not say how much is available');
  return bytes;
}

function intervalMs(availableBytes: number): number {
  const untilOutMs = (availableBytes - OUT_OF_MEMORY_BYTES) / BYTES_PER_MS;
  return Math.min(LONGEST_INTERVAL_MS, Math.max(SHORTEST_INTERVAL_MS, untilOutMs / 2));
}

function largestOf(apps: readonly Service[]): Service | undefined {
  return apps
    .map((app) => ({ app, bytes: app.memoryBytes() }))
    .filter(({ bytes }) => bytes > 0)
    .toSorted((one, other) => other.bytes - one.bytes)[0]?.app;
}
