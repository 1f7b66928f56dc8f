// How long people have to do without, during one update: without the page, or without an app that is switched.

import type { DeviceClient } from '../../devices/device-client.ts';
import { AppWatch } from './app-watch.ts';
import { PageWatch } from './page-watch.ts';

const SETTLE_LIMIT_MS = 5000;

export class OutageWatch {
  readonly page: PageWatch;
  #apps: AppWatch | undefined;

  constructor(client: DeviceClient) {
    this.page = new PageWatch(client);
  }

  /** `apps`: those that a live switch restarts. */
  async watchApps(client: DeviceClient, apps: readonly string[]): Promise<void> {
    if (apps.length === 0 || this.#apps !== undefined) return;
    this.#apps = new AppWatch(client, apps);
    await this.#apps.started;
  }

  /** A silence counts when it is over, which is a matter of moments when the device has just said that all is well. */
  async secondsWithout(signal: AbortSignal): Promise<number> {
    if (this.page.isSilent) await this.page.answersWithin(SETTLE_LIMIT_MS, signal);
    return Math.round(Math.max(this.page.silentMs, this.#apps?.awayMs ?? 0)) / 1000;
  }

  async stop(): Promise<void> {
    await Promise.all([this.page.stop(), this.#apps?.stop()]);
  }
}
