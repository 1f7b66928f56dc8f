// One trial from its start to its end: looked after every second, ended by a confirmation, by a fault, by somebody
// or by the time limit. Knows nothing of how a device goes back.
//
//   waits for health --healthy--> waits for a confirmation --confirm--> commits --written--> confirmed
//   any --fault, time is up, somebody says so--> rolled back         (confirmBy `device`: no wait for a confirmation)

import { LOG_OF_INIT } from '../../../shared/api/init-api.ts';
import { type Trial, type TrialCheck, TRIAL_LIMIT_MS } from '../../../shared/update/update-state.ts';
import { ApiRefusal } from '../api/api-refusal.ts';
import { describeError } from '../../describe-error.ts';
import { viewTrial } from './asked-trial.ts';
import type { TrialClock } from './trial-clock.ts';
import type { Fault } from './fault.ts';
import type { PendingTrial } from './trial-memory.ts';
import type { HealthReport, TrialHealth } from './trial-health.ts';

const LOOK_EVERY_MS = 1000;
const COMMIT_AGAIN_AFTER_MS = 5000;
/** One sector. A disk that takes longer is taken for dead, but not before the trial's time is up. */
const COMMIT_LIMIT_MS = 30_000;

export type TrialEnd = { outcome: 'confirmed'; by: string } | { outcome: 'rolled back'; fault: Fault };

export interface TrialRunOptions {
  pending: PendingTrial;
  health: TrialHealth;
  clock: TrialClock;
  limitMs: number;
  /** The one write that makes it last. */
  commit: () => Promise<void>;
  /** Called once. */
  onEnd: (end: TrialEnd) => void;
  say: (text: string) => void;
}

export class TrialRun {
  readonly #options: TrialRunOptions;
  readonly #startedAt: number;
  readonly #stopLooking: () => void;
  #pending: PendingTrial;
  #report: HealthReport;
  #isEnded = false;
  /** What it waits for besides its health. */
  #ending: string | null = null;
  /** Who wants it to last. */
  #confirmedBy: string | null = null;
  #commit: { since: number; written: Promise<boolean> } | null = null;
  #commitProblem: string | null = null;
  #commitFailedAt = -Infinity;
  #wasHealthy = false;

  constructor(options: TrialRunOptions) {
    this.#options = options;
    this.#pending = options.pending;
    this.#startedAt = options.clock.now();
    this.#report = options.health.look();
    this.#stopLooking = options.clock.every(LOOK_EVERY_MS, () => this.#look());
  }

  get pending(): PendingTrial {
    return this.#pending;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isCommitting(): boolean {
    return this.#commit !== null;
  }

  /** What was not known when it began. */
  identify(pending: PendingTrial): void {
    this.#pending = pending;
    this.#options.health.compareWith(pending.before);
  }

  takeChecks(checks: readonly TrialCheck[]): void {
    this.#options.health.takeChecks(checks);
  }

  view(): Trial {
    const { clock, limitMs } = this.#options;
    if (!this.#isEnded) this.#report = this.#options.health.look();
    // By the clock as it is now: it may have jumped since.
    const startedAtMs = Math.round(Date.now() - (clock.now() - this.#startedAt));
    return viewTrial(this.#pending, { startedAtMs, limitMs, waitsFor: this.#waitsFor() });
  }

  /** Resolves when the boot loader knows. */
  async confirm(who: string): Promise<void> {
    const waitsFor = this.#ending === null ? this.#options.health.look().waitsFor : [this.#ending];
    if (waitsFor.length > 0)
      throw new ApiRefusal('trial-unwell', `Cannot confirm the trial: ${waitsFor.join('; ')}`, { waitsFor });
    this.#confirmedBy = who;
    if (!(await this.#commitNow(who)))
      throw new Error(`Cannot confirm the trial: ${this.#commitProblem ?? this.#ending ?? 'it has ended'}`);
  }

  rollBack(fault: Fault): void {
    this.#end({ outcome: 'rolled back', fault });
  }

  /** The device goes down, or its trial is over: there is nothing to look after any more. */
  stop(because: string): void {
    this.#isEnded = true;
    this.#ending = because;
    this.#stopLooking();
    this.#options.health.close();
  }

  #look(): void {
    const { clock, health, limitMs } = this.#options;
    const now = clock.now();
    const isLate = now - this.#startedAt >= limitMs;
    if (this.#commit !== null) {
      if (isLate && now - this.#commit.since >= COMMIT_LIMIT_MS) this.#endLate();
      return;
    }
    this.#report = health.look();
    this.#sayWhenHealthy();
    if (this.#report.fault !== null) this.rollBack(this.#report.fault);
    else if (isLate) this.#endLate();
    else if (this.#report.waitsFor.length === 0) this.#confirmIfDue(now);
  }

  #confirmIfDue(now: number): void {
    const by = this.#confirmedBy ?? (this.#pending.confirmBy === 'device' ? 'the device' : null);
    if (by === null || now - this.#commitFailedAt < COMMIT_AGAIN_AFTER_MS) return;
    void this.#commitNow(by);
  }

  async #commitNow(by: string): Promise<boolean> {
    this.#commit ??= { since: this.#options.clock.now(), written: this.#write(by) };
    return this.#commit.written;
  }

  async #write(by: string): Promise<boolean> {
    try {
      await this.#options.commit();
    } catch (error) {
      this.#commitProblem = `the boot loader cannot be told: ${describeError(error)}`;
      this.#commitFailedAt = this.#options.clock.now();
      this.#commit = null;
      this.#options.say(`trial: ${this.#commitProblem}`);
      return false;
    }
    this.#commit = null;
    if (this.#isEnded) return false;
    this.#end({ outcome: 'confirmed', by });
    return true;
  }

  #endLate(): void {
    const limit = describeLimit(this.#options.limitMs);
    const { waitsFor, of } = this.#report;
    if (this.#commit !== null || this.#commitProblem !== null) {
      const problem = this.#commitProblem ?? 'the boot loader cannot be told: the disk does not answer';
      this.rollBack({ reason: problem, of: LOG_OF_INIT });
    } else if (waitsFor.length > 0) {
      this.rollBack({ reason: `it was not well within ${limit}: ${waitsFor.join('; ')}`, of });
    } else {
      this.rollBack({
        reason: `nobody confirmed within ${limit}: the client was not heard again`,
        of: LOG_OF_INIT,
      });
    }
  }

  #end(end: TrialEnd): void {
    if (this.#isEnded) return;
    this.stop(end.outcome === 'confirmed' ? 'confirmed' : `is being rolled back: ${end.fault.reason}`);
    this.#options.onEnd(end);
  }

  #waitsFor(): readonly string[] {
    if (this.#ending !== null) return [this.#ending];
    const problem = this.#commitProblem;
    return problem === null ? this.#report.waitsFor : [...this.#report.waitsFor, problem];
  }

  #sayWhenHealthy(): void {
    const isHealthy = this.#report.waitsFor.length === 0;
    if (isHealthy && !this.#wasHealthy) this.#options.say('trial: all is well');
    this.#wasHealthy = isHealthy;
  }
}

/** The time limit of trials; a kernel parameter makes it shorter. */
export function trialLimitMs(kernelArguments: ReadonlyMap<string, string>): number {
  const seconds = Number(kernelArguments.get('tskrazy.trial-sec') ?? NaN);
  return seconds >= 1 ? Math.min(seconds * 1000, TRIAL_LIMIT_MS) : TRIAL_LIMIT_MS;
}

function describeLimit(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds % 60 === 0 && seconds > 60 ? `${seconds / 60} minutes` : `${seconds} s`;
}
