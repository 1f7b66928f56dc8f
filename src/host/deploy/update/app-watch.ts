// How long apps are away during a live switch, seen from here: by the device's own events, timed as they arrive.
// An app that did not run before is not missed, and neither is one that the new build does not have.

import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceStatus } from '../../../shared/services/services.ts';
import type { DeviceClient } from '../../devices/device-client.ts';

const RETRY_MS = 500;

interface Absence {
  totalMs: number;
  /** null: it runs. */
  sinceMs: number | null;
}

export class AppWatch {
  readonly #apps = new Map<string, Absence>();
  readonly #end = new AbortController();
  readonly #loop: Promise<void>;
  readonly #now: () => number;
  readonly #started = Promise.withResolvers<void>();

  /** `names`: apps whose service is of interest. */
  constructor(client: DeviceClient, names: readonly string[], now: () => number = () => performance.now()) {
    this.#now = now;
    this.#loop = this.#follow(client.withSignal(this.#end.signal), new Set(names));
  }

  /** Resolves when it is known which of the apps run, or that this cannot be had. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Of the app that was away longest. Not one that has not come back: it may have done its work. */
  get awayMs(): number {
    return Math.max(0, ...[...this.#apps.values()].map(({ totalMs }) => totalMs));
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#loop;
  }

  async #follow(client: DeviceClient, names: ReadonlySet<string>): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        for await (const services of client.followServices()) {
          for (const service of services) if (names.has(service.name)) this.#take(service);
          this.#started.resolve();
        }
      } catch {
        // Cut off, or over. What happens meanwhile is seen by the state afterwards.
        this.#started.resolve();
      }
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #take({ name, state }: ServiceStatus): void {
    const absence = this.#apps.get(name);
    if (absence === undefined) {
      if (state === 'running') this.#apps.set(name, { totalMs: 0, sinceMs: null });
      return;
    }
    if (state !== 'running') absence.sinceMs ??= this.#now();
    else if (absence.sinceMs !== null) {
      absence.totalMs += this.#now() - absence.sinceMs;
      absence.sinceMs = null;
    }
  }
}
