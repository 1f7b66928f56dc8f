// Lets requests that need much memory in one after the other, in the order in which they came.

import { setTimeout as sleep } from 'node:timers/promises';

import { HttpError } from './http-error.ts';

export class Turns {
  /** Resolves when all who have come are through. Never rejects. */
  #last: Promise<void> = Promise.resolve();

  /** Throws HttpError 503 when it takes longer than `limitMs` until it is one's turn, which ends with its disposal. */
  async take(limitMs: number): Promise<Disposable> {
    const before = this.#last;
    const { promise: end, resolve } = Promise.withResolvers<void>();
    this.#last = before.then(() => end);
    const inTime = new AbortController();
    const late = sleep(limitMs, 'late', { signal: inTime.signal }).catch(() => 'in time');
    const outcome = await Promise.race([before, late]);
    inTime.abort();
    if (outcome !== 'late') return { [Symbol.dispose]: resolve };
    resolve();
    throw new HttpError('busy', 'Others are sending requests of this kind: try again in a moment', {
      headers: { 'Retry-After': '10' },
    });
  }
}
