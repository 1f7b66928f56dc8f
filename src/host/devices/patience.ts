// How long a device may leave a question without an answer. One that is busy, or emulated on a busy computer, is slow
// but there; so what ends the wait is that it shows no sign of life, and not that one question has taken long.

import { processExists } from '../process-exists.ts';
import type { FoundDevice } from './find-device.ts';
import { queryMulticastDns } from './multicast-dns.ts';
import { NoAnswerError } from './no-answer-error.ts';

export interface Patience {
  /** For one answer. After it somebody looks whether the device is there at all. */
  answerMs: number;
  /** For an answer from a device that is there. */
  limitMs: number;
  /** What a person is told who waits. */
  tell: (text: string) => void;
  /** For tests. */
  showsLife?: () => Promise<boolean>;
}

export const PATIENCE: Patience = { answerMs: 20_000, limitMs: 5 * 60_000, tell: () => undefined };

/** Of a connection that was there. Without one there is nobody to wait for. */
export class SilenceError extends Error {
  readonly code = 'ETIMEDOUT';
}

/** Asks again as long as the device is there. `ask` must not change anything. */
export async function askPatiently<T>(
  { name }: FoundDevice,
  { answerMs, limitMs, tell, showsLife = async () => false }: Patience,
  ask: () => Promise<T>,
): Promise<T> {
  const startedMs = performance.now();
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await ask();
    } catch (error) {
      const isSilence = error instanceof NoAnswerError && error.cause instanceof SilenceError;
      if (!isSilence || performance.now() - startedMs >= limitMs || !(await showsLife())) throw error;
      if (isFirst)
        tell(`"${name}" is there, but has not answered for ${Math.round(answerMs / 1000)} s. Waiting for it`);
    }
  }
}

/** `isUp`: whether its page answers anything. */
export async function showsLife(
  { vmPid, expected }: FoundDevice,
  isUp: () => Promise<boolean>,
  signal: AbortSignal,
  findByName: typeof queryMulticastDns = queryMulticastDns,
): Promise<boolean> {
  if (vmPid !== undefined) return processExists(vmPid);
  // A device answers to its name by another program than serves its page. Whichever says yes first ends the wait.
  const isAnswered = new AbortController();
  const named = findByName(`${expected.hostname}.local`, AbortSignal.any([signal, isAnswered.signal]));
  const signs = [isUp(), named.then((addresses) => addresses.length > 0)];
  const yes = signs.map((sign) =>
    sign.then((isThere) => (isThere ? true : Promise.reject(new Error('no sign')))),
  );
  try {
    return await Promise.any(yes);
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    isAnswered.abort();
  }
}
