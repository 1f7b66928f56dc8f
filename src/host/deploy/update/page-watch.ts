// How long a device's page does not answer, seen from here: /health is asked for again and again, and what lies
// between the last answer before a silence and the first one after it counts as without service.

import { setTimeout as delay } from 'node:timers/promises';
import type { DeviceClient } from '../../devices/device-client.ts';
import { fairPauseMs } from '../../../shared/api/fair-pause.ts';

const INTERVAL_MS = 200;
/** Of a device that is slow: an answer costs it a handshake, and the watch must not keep it from its update. */
const LONGEST_INTERVAL_MS = 2000;
/** As long as there are answers, one try is under way. In a silence there are two, begun one after the other. */
const TRIES = 2;
/**
 * QEMU takes a connection long before anybody listens in the guest, and does not pass it on later: such a try ends
 * only here. Shorter ones leave so many half-open connections in it that those to come are slow (vm/answers.ts).
 */
const TRY_LIMIT_MS = 2000;

export class PageWatch {
  #client: DeviceClient;
  readonly #end = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #lastAnswerMs = performance.now();
  #isSilent = false;
  #silentMs = 0;
  /** Resolved by the next answer. */
  #next = Promise.withResolvers<void>();

  constructor(client: DeviceClient) {
    this.#client = client;
    for (let index = 0; index < TRIES; index += 1) this.#loops.push(this.#ask(index));
  }

  /** All silences so far; one that goes on does not count yet. */
  get silentMs(): number {
    return this.#silentMs;
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** When the device is found under another address. */
  watch(client: DeviceClient): void {
    this.#client = client;
  }

  /** Whether the page answers within `limitMs` from now. */
  async answersWithin(limitMs: number, signal: AbortSignal): Promise<boolean> {
    const end = new AbortController();
    const limit = AbortSignal.any([signal, end.signal]);
    try {
      const timeout = delay(limitMs, false, { signal: limit }).catch(() => false);
      return await Promise.race([this.#next.promise.then(() => true), timeout]);
    } finally {
      end.abort();
      signal.throwIfAborted();
    }
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#loops);
  }

  async #ask(index: number): Promise<void> {
    const { signal } = this.#end;
    // Half a try behind the other.
    let pauseMs = (index * TRY_LIMIT_MS) / TRIES;
    while (!signal.aborted) {
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = INTERVAL_MS;
      if (signal.aborted) return;
      if (index > 0 && !this.#isSilent) continue;
      const askedMs = performance.now();
      const isUp = await this.#client
        .withSignal(signal)
        .isUp(TRY_LIMIT_MS)
        .catch(() => false);
      if (signal.aborted) return;
      if (isUp) {
        this.#takeAnswer();
        pauseMs = fairPauseMs(performance.now() - askedMs, INTERVAL_MS, LONGEST_INTERVAL_MS);
      } else this.#isSilent = true;
    }
  }

  #takeAnswer(): void {
    const now = performance.now();
    if (this.#isSilent) this.#silentMs += now - this.#lastAnswerMs;
    this.#isSilent = false;
    this.#lastAnswerMs = now;
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}
