// The device over the whole update: it goes away and comes back, maybe under another address.

import { setTimeout as delay } from 'node:timers/promises';
import { type DeviceAddress, formatDeviceAddress } from '../../devices/device-address.ts';
import type { DeviceClient } from '../../devices/device-client.ts';
import { type FindOptions, findDevice } from '../../devices/find-device.ts';
import { NoAnswerError } from '../../devices/no-answer-error.ts';
import { type OpenDevice, openDevice } from '../../devices/open-device.ts';
import { RefusalError } from '../../devices/refusal-error.ts';
import type { PageWatch } from './page-watch.ts';

/** How often it is looked for under other addresses while the known one is silent. */
const SEARCH_EVERY_MS = 10_000;
/** Something answers, but not as the device should: it may still be starting, or another has its old address. */
const DOUBT_LIMIT_MS = 60_000;
const RETRY_MS = 500;
const MAX_EXTENSIONS = 2;
/** For the page, at least: names take seconds to be looked up, and it may be back meanwhile. */
const LAST_LOOK_MS = 1000;

export interface LinkOptions extends FindOptions {
  warn: (text: string) => void;
  /** For tests. */
  searchEveryMs?: number;
  showsLife?: () => Promise<boolean>;
}

export class DeviceLink {
  readonly #options: LinkOptions;
  #open: OpenDevice;
  #skewMs: number;

  private constructor(options: LinkOptions, open: OpenDevice) {
    this.#options = options;
    this.#open = open;
    this.#skewMs = Date.now() - open.status.timeMs;
  }

  static async open(options: LinkOptions): Promise<DeviceLink> {
    return new DeviceLink(options, await openDevice(options));
  }

  get client(): DeviceClient {
    return this.#open.client;
  }

  /** As of the last time that the device was opened. */
  get status(): OpenDevice['status'] {
    return this.#open.status;
  }

  /** From the device's clock to this computer's. */
  get skewMs(): number {
    return this.#skewMs;
  }

  get hostname(): string {
    return this.#open.status.system.hostname;
  }

  /** Once more, where it is now. */
  async refresh(): Promise<void> {
    try {
      this.#take({ ...this.#open, status: await this.client.status() });
    } catch (error) {
      // A device that this very update has given TLS no longer answers in clear.
      if (!(error instanceof RefusalError) || error.code !== 'needs-tls') throw error;
      this.#take(await openDevice(this.#options));
    }
  }

  /**
   * Until it answers again, also as another boot. Throws NoAnswerError after `limitMs`; a device that is there, and only
   * does not answer, has that long again, MAX_EXTENSIONS times.
   */
  async waitUntilBack(page: PageWatch, limitMs: number): Promise<void> {
    const { signal, searchEveryMs = SEARCH_EVERY_MS } = this.#options;
    let deadlineMs = performance.now() + limitMs;
    let extensions = 0;
    let doubtedSinceMs: number | undefined;
    for (;;) {
      const leftMs = deadlineMs - performance.now();
      const patienceMs = Math.min(searchEveryMs, Math.max(LAST_LOOK_MS, leftMs));
      const answers = await page.answersWithin(patienceMs, signal);
      try {
        if (answers) await this.refresh();
        else await this.#lookElsewhere();
        page.watch(this.client);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof NoAnswerError)) {
          doubtedSinceMs ??= performance.now();
          if (performance.now() - doubtedSinceMs > DOUBT_LIMIT_MS) throw error;
        }
        if (leftMs <= 0) {
          extensions += 1;
          if (extensions > MAX_EXTENSIONS || !(await this.#showsLife())) throw error;
          deadlineMs = performance.now() + limitMs;
        }
      }
      await delay(RETRY_MS, undefined, { signal });
    }
  }

  async #showsLife(): Promise<boolean> {
    return (this.#options.showsLife ?? (() => this.client.showsLife()))();
  }

  /** The name may stand for another address now; and whoever named the device by an address may know its name too. */
  async #lookElsewhere(): Promise<void> {
    const known = new Set(this.client.device.addresses.map(formatDeviceAddress));
    const isNew = (address: DeviceAddress): boolean => !known.has(formatDeviceAddress(address));
    const { host } = this.#options;
    let problem: unknown;
    for (const candidate of host === undefined ? [undefined] : [host, undefined]) {
      const options = { ...this.#options, host: candidate };
      try {
        const found = await findDevice(options);
        if (!found.addresses.some(isNew)) continue;
        const open = await openDevice(options);
        if (open.status.system.hostname !== this.hostname && candidate !== host) continue;
        this.#take(open);
        return;
      } catch (error) {
        this.#options.signal.throwIfAborted();
        problem ??= error;
      }
    }
    throw problem ?? new NoAnswerError(`Cannot reach "${this.hostname}": there is no answer`);
  }

  #take(open: OpenDevice): void {
    this.#open = open;
    this.#skewMs = Date.now() - open.status.timeMs;
  }
}
