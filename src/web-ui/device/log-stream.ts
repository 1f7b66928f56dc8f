// Follows one log. Takes care that lines come once each and in order, whatever the connection does.

import type { LogLine } from '../../shared/services/services.ts';
import { type LogEvents, WEB_API } from '../../shared/api/web-api.ts';
import { parse } from './ask.ts';
import { followEvents } from './follow-events.ts';

const FIRST_LINES = 1_000;
const RETRY_MS = [500, 1_000, 2_500];
/** A log may be silent; its connection is not. */
const SILENCE_MS = 40_000;

export interface LogListener {
  onLines(lines: readonly LogLine[]): void;
  /** The lines before are of another boot. */
  onReboot(): void;
  /** Lines that the device had to leave out. */
  onGap(count: number): void;
}

export class LogStream {
  readonly #path: string;
  readonly #listener: LogListener;
  readonly #work = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #lastEventId: string | undefined;
  #bootId: string | undefined;
  #lastSeq = -1;

  constructor(name: string, listener: LogListener) {
    this.#path = WEB_API.log(name, { lines: FIRST_LINES, follow: true });
    this.#listener = listener;
    void this.#keepUp();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#work.abort();
  }

  async #keepUp(): Promise<void> {
    try {
      await this.#follow();
    } catch {
      // The view around this one says that the device is away.
    }
    if (this.#work.signal.aborted) return;
    const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)] ?? 0;
    this.#timer = setTimeout(() => void this.#keepUp(), wait);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#work;
    const options = { signal, silenceMs: SILENCE_MS, lastEventId: this.#lastEventId };
    for await (const { id, event, data } of followEvents(this.#path, options)) {
      if (event !== 'lines') continue;
      this.#failures = 0;
      this.#lastEventId = id;
      this.#take(id.split(':', 1)[0] ?? '', parse(data) as LogEvents['lines']);
    }
  }

  #take(bootId: string, received: readonly LogLine[]): void {
    if (this.#bootId !== undefined && this.#bootId !== bootId) {
      this.#lastSeq = -1;
      this.#listener.onReboot();
    }
    this.#bootId = bootId;
    const lines = received.filter((line) => line.seq > this.#lastSeq);
    const [first] = lines;
    const last = lines.at(-1);
    if (!first || !last) return;
    const missing = first.seq - this.#lastSeq - 1;
    if (this.#lastSeq >= 0 && missing > 0) this.#listener.onGap(missing);
    this.#lastSeq = last.seq;
    this.#listener.onLines(lines);
  }
}
