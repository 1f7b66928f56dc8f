// Follows one log. Takes care that lines come once each and in order, whatever the connection does.

import type { LogLine } from '../../shared/services/services.ts';
import { WEB_API } from '../../shared/api/web-api.ts';

const FIRST_LINES = 1_000;
const RETRY_MS = 2_500;

export interface LogListener {
  onLines(lines: readonly LogLine[]): void;
  /** The lines before are of another boot. */
  onReboot(): void;
  /** Lines that the device had to leave out. */
  onGap(count: number): void;
}

export class LogStream {
  readonly #name: string;
  readonly #listener: LogListener;
  #events: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #bootId: string | undefined;
  #lastSeq = -1;

  constructor(name: string, listener: LogListener) {
    this.#name = name;
    this.#listener = listener;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#events?.close();
  }

  #open(): void {
    const events = new EventSource(WEB_API.log(this.#name, { lines: FIRST_LINES, follow: true }));
    this.#events = events;
    events.addEventListener('lines', (event) => {
      const [bootId = ''] = event.lastEventId.split(':', 1);
      this.#take(bootId, JSON.parse(event.data as string) as LogLine[]);
    });
    events.addEventListener('error', () => {
      // While CONNECTING the browser tries again by itself, with Last-Event-ID.
      if (events.readyState !== EventSource.CLOSED) return;
      this.#timer = setTimeout(() => {
        this.#open();
      }, RETRY_MS);
    });
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
