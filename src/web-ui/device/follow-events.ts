// Server-sent events by `fetch`: what EventSource does, but with a header that says who asks, an answer that says why there
// is none, and an end when the device has fallen silent, which a connection does not show by itself.

import { readServerSentEvents, type ServerSentEvent } from '../../shared/api/server-sent-events.ts';
import { ask } from './ask.ts';

export interface FollowOptions {
  signal: AbortSignal;
  /** Time without a byte after which the device counts as away. It sends heartbeats every 15 s. */
  silenceMs: number;
  /** Of the last event that has been seen: the device goes on after it. */
  lastEventId?: string | undefined;
}

/** Ends when the device ends it. Throws what `ask` throws, and AbortError. */
export async function* followEvents(
  path: string,
  { signal, silenceMs, lastEventId }: FollowOptions,
): AsyncGenerator<ServerSentEvent> {
  const work = new AbortController();
  const end = (): void => {
    work.abort();
  };
  signal.addEventListener('abort', end);
  const timer = new Countdown(silenceMs, end);
  try {
    const response = await ask(path, {
      signal: work.signal,
      headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
    });
    if (response.body) yield* readServerSentEvents(readText(response.body, timer));
  } finally {
    timer.stop();
    signal.removeEventListener('abort', end);
    work.abort();
  }
}

async function* readText(body: ReadableStream<Uint8Array>, timer: Countdown): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    // Not `for await`, which Safari does not have for streams.
    const { done, value } = await reader.read();
    if (done) return;
    timer.restart();
    yield decoder.decode(value, { stream: true });
  }
}

class Countdown {
  readonly #ms: number;
  readonly #act: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, act: () => void) {
    this.#ms = ms;
    this.#act = act;
    this.restart();
  }

  restart(): void {
    this.stop();
    this.#timer = setTimeout(this.#act, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
