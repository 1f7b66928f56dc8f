// How long people have to do without, during one update: without the page, or without an app that is switched.

import type { DeviceClient } from '../../devices/device-client.ts';
import { AppWatch } from './app-watch.ts';
import { PageWatch } from './page-watch.ts';

export class ServiceWatch {
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

  get secondsWithout(): number {
    return Math.round(Math.max(this.page.silentMs, this.#apps?.awayMs ?? 0)) / 1000;
  }

  async stop(): Promise<void> {
    await Promise.all([this.page.stop(), this.#apps?.stop()]);
  }
}
