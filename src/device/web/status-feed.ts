// /api/v1/events: a status about every two seconds, or one only, and every change of a service at once, to all who
// listen. Nobody listening costs nothing: the first listener starts the work and the last one ends it.

import { setTimeout as sleep } from 'node:timers/promises';
import type http from 'node:http';

import { INIT_API, type InitEvent } from '../../shared/api/init-api.ts';
import type { WebEvents } from '../../shared/api/web-api.ts';
import type { EventStream } from './event-stream.ts';
import type { InitClient } from './init-client.ts';
import { logError } from './log.ts';
import { readNdjson } from './ndjson.ts';
import { serviceView } from './service-view.ts';
import type { StatusReader } from './status.ts';

const INTERVAL_MS = 2_000;
/** The first status has no rates: the second, which has, comes sooner. */
const FIRST_INTERVAL_MS = 600;
const INIT_RETRY_MS = 1_000;

export class StatusFeed {
  readonly #init: InitClient;
  readonly #reader: StatusReader;
  readonly #intervalMs: number;
  readonly #streams = new Set<EventStream>();
  /** Of them, those that want to know more than which services change. */
  readonly #watching = new Set<EventStream>();
  /** Ends the work; there is one exactly while somebody listens. */
  #work: AbortController | undefined;

  /** `intervalMs`: for tests. */
  constructor(init: InitClient, reader: StatusReader, { intervalMs = INTERVAL_MS } = {}) {
    this.#init = init;
    this.#reader = reader;
    this.#intervalMs = intervalMs;
  }

  /** `isStatusOnce`: a status takes as long to read as dozens of changes. */
  add(stream: EventStream, { isStatusOnce = false } = {}): void {
    this.#streams.add(stream);
    if (!isStatusOnce) this.#watching.add(stream);
    stream.onClose(() => {
      this.#streams.delete(stream);
      this.#watching.delete(stream);
      if (this.#streams.size > 0) return;
      this.#work?.abort();
      this.#work = undefined;
    });
    if (this.#work || isStatusOnce) this.#tick([stream]).catch(reportTick);
    if (this.#work) return;
    this.#work = new AbortController();
    const { signal } = this.#work;
    this.#sendStatuses(signal).catch(ignoreAbort);
    this.#followInit(signal).catch(ignoreAbort);
  }

  async #sendStatuses(signal: AbortSignal): Promise<void> {
    const first = Math.min(FIRST_INTERVAL_MS, this.#intervalMs);
    for (let interval = first; !signal.aborted; interval = this.#intervalMs) {
      if (this.#watching.size > 0) await this.#tick(this.#watching).catch(reportTick);
      await sleep(interval, undefined, { signal });
    }
  }

  async #tick(streams: Iterable<EventStream>): Promise<void> {
    const status = await this.#reader.read({ withRates: false });
    this.#send(streams, 'status', status);
  }

  async #followInit(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let answer: http.IncomingMessage | undefined;
      const stop = () => answer?.destroy();
      signal.addEventListener('abort', stop, { once: true });
      try {
        answer = await this.#init.stream(INIT_API.events);
        if (signal.aborted) stop();
        for await (const events of readNdjson<InitEvent>(answer as AsyncIterable<string>))
          for (const event of events) this.#send(this.#streams, event.type, serviceView(event.status));
      } catch (error) {
        if (!signal.aborted) logError('Cannot follow the events of init', error);
      }
      signal.removeEventListener('abort', stop);
      await sleep(INIT_RETRY_MS, undefined, { signal });
    }
  }

  #send<Name extends keyof WebEvents>(
    streams: Iterable<EventStream>,
    name: Name,
    data: WebEvents[Name],
  ): void {
    let text: string | undefined;
    for (const stream of streams) {
      // Who is behind misses this one; the next status says all that matters again.
      if (stream.isBehind) continue;
      text ??= JSON.stringify(data);
      stream.send(name, text);
    }
  }
}

function reportTick(error: unknown): void {
  logError('Cannot read the status', error);
}

function ignoreAbort(error: unknown): void {
  // `sleep` rejects when the last listener left.
  if ((error as Error).name !== 'AbortError') throw error;
}
