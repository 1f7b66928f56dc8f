// Puts together what the page shows: init's word, the net service's file, and the meters' numbers.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { INIT_API, type SystemStatus } from '../../shared/api/init-api.ts';
import { NET_STATUS_PATH, type NetStatus } from '../../shared/network/net-status.ts';
import type { ServiceStatus } from '../../shared/services/services.ts';
import { TIME_STATUS_PATH, type TimeStatus } from '../../shared/network/time-status.ts';
import type { SessionView } from '../../shared/update/update-api.ts';
import type { UpdateBrief } from '../../shared/update/update-state.ts';
import type { PageCertificate, StartTime, WebStatus } from '../../shared/api/web-api.ts';
import { FullDisks } from './full-disks.ts';
import type { InitClient } from './init-client.ts';
import { monotonicMs } from '../monotonic.ts';
import { rootDevice } from '../sys/root-device.ts';
import { serviceView } from './service-view.ts';
import { readBoard } from '../read-board.ts';
import { type Hardware, readBootDisk } from './hardware.ts';
import { START_TIME_PATH } from './start-time.ts';
import { UsageMeter, type Meter } from './usage-meter.ts';

/** However many ask: /proc is read no more often than this. */
const FRESH_MS = 500;
/** Rates against a sample older than this would say nothing of now. */
const STALE_MS = 30_000;
/** Long enough for CPU time, which is counted in ticks of 10 ms. */
const FIRST_INTERVAL_MS = 250;

export interface StatusOptions {
  init: InitClient;
  mayChange: boolean;
  /** Absent: TLS is off. */
  certificate?: () => PageCertificate;
  /** Who sends an update now. */
  updateSession?: () => SessionView | null;
  netStatusPath?: string;
  timeStatusPath?: string;
  startTimePath?: string;
  bootIdPath?: string;
  meter?: Meter;
  /** Set by tests; default: what the board and its disk say. */
  hardware?: Hardware;
}

export class StatusReader {
  readonly #options: StatusOptions;
  readonly #meter: Meter;
  readonly #hardware: Hardware;
  readonly #fullDisks = new FullDisks();
  readonly bootId: string;
  #pending: Promise<WebStatus> | undefined;
  #last: { status: WebStatus; atMs: number } | undefined;

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#hardware = options.hardware ?? {
      ...readBoard(),
      bootDisk: readBootDisk({ path: (path) => path, rootDevice }),
    };
    this.#meter = options.meter ?? new UsageMeter();
    this.bootId = readFileSync(options.bootIdPath ?? '/proc/sys/kernel/random/boot_id', 'latin1').trim();
  }

  /** `withRates`: rather wait a moment than have no CPU figures. */
  async read(options: { withRates: boolean }): Promise<WebStatus> {
    if (options.withRates && this.#meter.ageMs > STALE_MS) {
      await this.#read();
      await sleep(FIRST_INTERVAL_MS);
      return this.#read();
    }
    if (this.#last && monotonicMs() - this.#last.atMs < FRESH_MS) return this.#last.status;
    return this.#read();
  }

  /** Something was changed here: who asks next is not to see it as it was. */
  expire(): void {
    this.#last = undefined;
  }

  #read(): Promise<WebStatus> {
    this.#pending ??= this.#assemble().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #assemble(): Promise<WebStatus> {
    const { init, mayChange, certificate, netStatusPath, timeStatusPath, startTimePath } = this.#options;
    const [system, services, update] = await Promise.all([
      init.get<SystemStatus>(INIT_API.system),
      init.get<ServiceStatus[]>(INIT_API.services),
      // An init that has failed at this alone still has all the rest to tell.
      init.get<UpdateBrief>(INIT_API.updateBrief).catch(() => null),
    ]);
    const usage = await this.#meter.sample(services);
    const apps = services.filter(({ kind }) => kind !== 'system').map(({ name }) => name);
    const full = this.#fullDisks.warnings(usage.device.disks, apps);
    const status: WebStatus = {
      timeMs: Date.now(),
      bootId: this.bootId,
      ...this.#hardware,
      system: { ...system, warnings: [...system.warnings, ...full] },
      services: services.map((service) => ({
        ...serviceView(service),
        usage: usage.services.get(service.name) ?? null,
      })),
      usage: usage.device,
      network: readStatusFile(netStatusPath ?? NET_STATUS_PATH) as NetStatus | null,
      time: readStatusFile(timeStatusPath ?? TIME_STATUS_PATH) as TimeStatus | null,
      startTime: readStatusFile(startTimePath ?? START_TIME_PATH) as StartTime | null,
      mayChange,
      certificate: certificate?.() ?? null,
      update: update && { ...update, session: this.#options.updateSession?.() ?? null },
    };
    this.#last = { status, atMs: monotonicMs() };
    return status;
  }
}

/** null: not written yet. It is replaced as a whole, so that there is no half of it. */
function readStatusFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}
