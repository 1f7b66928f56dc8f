// Keeps the page in touch with the device: one event stream while somebody looks, and patience when the
// device is away. Events are a promise that only a working network keeps, so that silence counts as loss.

import type { ServiceStatus } from '../../shared/services/services.ts';
import { WEB_API, type WebEvents, type WebStatus } from '../../shared/api/web-api.ts';

/** Statuses come every two seconds. */
const SILENCE_MS = 9_000;
const RETRY_MS = [500, 1_000, 2_000, 3_000];
const PROBE_TIMEOUT_MS = 4_000;
/** A page in the background lets the device rest. */
const HIDDEN_MS = 60_000;

export interface ConnectionListener {
  onStatus(status: WebStatus): void;
  onService(service: ServiceStatus): void;
  onLive(isLive: boolean): void;
}

export function goToLogin(): void {
  location.assign('/login');
}

export class Connection {
  readonly #listener: ConnectionListener;
  #events: EventSource | undefined;
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
    if (document.hidden)
      this.#later(HIDDEN_MS, () => {
        this.#close();
      });
    else if (!this.#events) this.#open();
    else this.#expectEvent();
  };

  #open(): void {
    this.#close();
    const events = new EventSource(WEB_API.events);
    this.#events = events;
    this.#listen(events, 'status', (status) => {
      this.#failures = 0;
      this.#listener.onLive(true);
      this.#listener.onStatus(status);
    });
    this.#listen(events, 'service', (service) => {
      this.#listener.onService(service);
    });
    events.addEventListener('error', () => {
      this.#lose();
    });
    this.#expectEvent();
  }

  #listen<Name extends keyof WebEvents>(
    events: EventSource,
    name: Name,
    handle: (data: WebEvents[Name]) => void,
  ): void {
    events.addEventListener(name, (event) => {
      if (!document.hidden) this.#expectEvent();
      handle(JSON.parse(event.data as string) as WebEvents[Name]);
    });
  }

  #expectEvent(): void {
    this.#later(SILENCE_MS, () => {
      this.#lose();
    });
  }

  #lose(): void {
    this.#close();
    this.#listener.onLive(false);
    const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)] ?? 0;
    this.#later(wait, () => {
      void this.#probe();
    });
  }

  /** An EventSource cannot tell a device that is off from a session that has ended; a request can. */
  async #probe(): Promise<void> {
    try {
      const response = await fetch(WEB_API.status, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
      if (response.status === 401) goToLogin();
      else if (response.ok) this.#open();
      else this.#lose();
    } catch {
      this.#lose();
    }
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#events?.close();
    this.#events = undefined;
  }

  #later(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }
}
