// What the parts of an update share.

import type { UpdateClient } from '../../../shared/update/update-api.ts';
import type { ProgressReporter } from '../../progress.ts';
import { type CourseEvent, stepCourse } from './course.ts';
import type { DeviceLink } from './device-link.ts';
import { type ExpectedRestart, expectRestart, type RestartTime } from './restart-time.ts';
import type { Standing } from './standing.ts';
import { UpdateApiClient } from './update-api-client.ts';

export interface UpdateLimits {
  /** A connection that was lost while chunks are sent. */
  lostMs: number;
  /** A device that restarts: an emulated one on a busy computer takes minutes. */
  awayMs: number;
  /** From the end of a trial to its record in the history. */
  recordMs: number;
  pollMs: number;
}

const UPDATE_LIMITS: UpdateLimits = {
  lostMs: 3 * 60_000,
  awayMs: 10 * 60_000,
  recordMs: 30_000,
  pollMs: 500,
};

const END_LIMIT_MS = 3000;

export interface ContextOptions {
  link: DeviceLink;
  client: UpdateClient;
  report: ProgressReporter;
  /** About the update itself, beside its result. */
  say: (text: string) => void;
  /** Ctrl-C. */
  signal: AbortSignal;
  limits?: Partial<UpdateLimits>;
  restartTime?: RestartTime;
}

const NO_RESTART_TIME: RestartTime = { read: async () => null, note: async () => undefined };

export class UpdateContext {
  readonly link: DeviceLink;
  readonly client: UpdateClient;
  readonly report: ProgressReporter;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  readonly limits: UpdateLimits;
  readonly restartTime: RestartTime;
  #standing: Standing = { at: 'untouched' };
  /** On the wire, without headers. */
  bytesSent = 0;

  constructor(options: ContextOptions) {
    this.link = options.link;
    this.client = options.client;
    this.report = options.report;
    this.say = options.say;
    this.signal = options.signal;
    this.limits = { ...UPDATE_LIMITS, ...options.limits };
    this.restartTime = options.restartTime ?? NO_RESTART_TIME;
  }

  /** How the device stands, for whoever breaks it off. */
  get standing(): Standing {
    return this.#standing;
  }

  take(event: CourseEvent): void {
    this.#standing = stepCourse(this.#standing, event);
  }

  expectRestart(): Promise<ExpectedRestart> {
    return expectRestart(this.restartTime, this.link.status);
  }

  get hostname(): string {
    return this.link.hostname;
  }

  /** Of the device where it is now. */
  get api(): UpdateApiClient {
    return new UpdateApiClient(this.link.client, this.hostname, (bytes) => (this.bytesSent += bytes));
  }

  /** Also after Ctrl-C, and quietly: a session that is not ended ends by itself, only later. */
  async endSession(id: string): Promise<void> {
    const client = this.link.client.withSignal(AbortSignal.timeout(END_LIMIT_MS));
    await new UpdateApiClient(client, this.hostname).end(id).catch(() => undefined);
  }

  /** From the device's clock to this computer's. */
  get clockSkewMs(): number {
    return this.link.skewMs;
  }
}
