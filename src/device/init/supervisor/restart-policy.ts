// When a service that has ended starts again, and how long that takes. Pure.

import { EXIT_DO_NOT_RESTART, type RestartPolicy } from '../../../shared/services/services.ts';
import type { ProcessExit } from '../../sys/sys.ts';

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 60_000;
/** Share of the delay by which it varies, so that services that fail together do not stay in step. */
const JITTER = 0.2;
/** A service that has run for so long has started well: its next failure counts as its first. */
export const STABLE_AFTER_MS = 60_000;

export type AfterExit = 'restart' | 'stopped' | 'failed';

export function afterExit(policy: RestartPolicy, exit: ProcessExit): AfterExit {
  if (exit.code === EXIT_DO_NOT_RESTART) return 'stopped';
  if (policy === 'always') return 'restart';
  if (exit.code === 0) return 'stopped';
  return policy === 'on-failure' ? 'restart' : 'failed';
}

/** `failures`: how often in a row it has ended before it was stable, from 0. `random`: 0 to 1. */
export function restartDelayMs(failures: number, random: number): number {
  const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10));
  return Math.round(delayMs * (1 - JITTER + 2 * JITTER * random));
}

/** `whyKilled`: when somebody had a reason that the exit alone does not tell. */
export function describeExit(exit: ProcessExit, whyKilled?: string): string {
  if (whyKilled !== undefined) return `killed: ${whyKilled}`;
  if (exit.signal !== null) return `killed by ${exit.signal}`;
  if (exit.code === 0) return 'exited';
  return `exited with code ${exit.code}`;
}
