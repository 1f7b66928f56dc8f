// Keeps the page in touch with the device: one event stream while somebody looks, and patience when the
// device is away. Events are a promise that only a working network keeps, so that silence counts as loss.

import type { ServiceStatus } from '../../shared/services/services.ts';
import { WEB_API, type WebStatus } from '../../shared/api/web-api.ts';
import { parse } from './ask.ts';
import { followEvents } from './follow-events.ts';

/** Statuses come every two seconds. */
const SILENCE_MS = 9_000;
const RETRY_MS = [500, 1_000, 2_000, 3_000];
/** A page in the background lets the device rest. */
const HIDDEN_MS = 60_000;

export interface ConnectionListener {
  onStatus(status: WebStatus): void;
  onService(service: ServiceStatus): void;
  onLive(isLive: boolean): void;
}

export class Connection {
  readonly #listener: ConnectionListener;
  /** Ends the stream; there is one while it is open. */
  #work: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(listener: ConnectionListener) {
    this.#listener = listener;
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.#open();
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#close();
  }

  readonly #onVisibility = (): void => {
    if (document.hidden) this.#rest();
    else if (!this.#work) this.#open();
    else clearTimeout(this.#timer);
  };

  #open(): void {
    this.#close();
    const work = new AbortController();
    this.#work = work;
    if (document.hidden) this.#rest();
    void this.#keepUp(work);
  }

  /** Unless somebody looks again before. */
  #rest(): void {
    this.#later(HIDDEN_MS, () => {
      this.#close();
    });
  }

  async #keepUp(work: AbortController): Promise<void> {
    try {
      await this.#follow(work.signal);
    } catch {
      // Whatever it was, the way out of it is to ask again; a login that has ended is seen to elsewhere.
    }
    if (this.#work === work) this.#lose();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const { event, data } of followEvents(WEB_API.events, { signal, silenceMs: SILENCE_MS })) {
      if (event === 'service') this.#listener.onService(parse(data) as ServiceStatus);
      if (event !== 'status') continue;
      this.#failures = 0;
      this.#listener.onLive(true);
      this.#listener.onStatus(parse(data) as WebStatus);
    }
  }

  #lose(): void {
    this.#close();
    this.#listener.onLive(false);
    const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)] ?? 0;
    this.#later(wait, () => {
      this.#open();
    });
  }

  #close(): void {
    clearTimeout(this.#timer);
    const work = this.#work;
    this.#work = undefined;
    work?.abort();
  }

  #later(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }
}
