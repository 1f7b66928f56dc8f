// Waits for the end of a trial: the device goes away, comes back in the new build or the old one, and becomes
// well or not. What decides is what the device says; nothing here is needed for it to come to its end.

import { setTimeout as delay } from 'node:timers/promises';
import type { Slot } from '../../../shared/board/slots.ts';
import type { SlotContent, UpdateStatus } from '../../../shared/update/update-api.ts';
import type { Trial, UpdateOutcome, UpdateRecord } from '../../../shared/update/update-state.ts';
import { fairPauseMs } from '../../../shared/api/fair-pause.ts';
import { NoAnswerError } from '../../devices/no-answer-error.ts';
import { RefusalError } from '../../devices/refusal-error.ts';
import type { ProgressStep } from '../../progress.ts';
import type { CourseEvent } from './course.ts';
import type { PageWatch } from './page-watch.ts';
import type { UpdateContext } from './update-context.ts';
import { notBack } from './update-problems.ts';

/** Of a device that is slow to answer. A trial takes half a minute at least. */
const LONGEST_PAUSE_MS = 2000;

export interface FollowedTrial {
  buildId: string;
  fromBuildId: string;
  /** null: it was not told. */
  trialId: string | null;
  /** Ids of the history before it began. */
  knownRecords: ReadonlySet<string>;
  /** Of the start before that into the trial; null: it is not for a start that we wait. */
  bootIdBefore: string | null;
  confirmBy: 'client' | 'device';
  /** What is hoped for, in words: `Trying build 7f3a`. */
  doing: string;
  expected: UpdateOutcome;
}

export interface TrialEnd {
  outcome: UpdateOutcome;
  /** null: the device has kept none, because it has no /perm. */
  record: UpdateRecord | null;
}

export async function followTrial(
  context: UpdateContext,
  trial: FollowedTrial,
  page: PageWatch,
): Promise<TrialEnd> {
  return new TrialFollower(context, trial, page).follow();
}

/** What runs: the apps' slot after a live switch. */
export function runningContent(status: UpdateStatus): { slot: Slot; content: SlotContent | null } | null {
  const slot = status.appsFrom ?? status.running;
  return slot === null ? null : { slot, content: status.slots[slot] };
}

class TrialFollower {
  readonly #context: UpdateContext;
  readonly #trial: FollowedTrial;
  readonly #page: PageWatch;
  #step: ProgressStep | undefined;
  readonly #startedMs = performance.now();
  #isRestarting: boolean;
  /** Since when there is neither a trial nor a record of it. */
  #traceLostMs: number | undefined;

  constructor(context: UpdateContext, trial: FollowedTrial, page: PageWatch) {
    this.#context = context;
    this.#trial = trial;
    this.#page = page;
    this.#isRestarting = trial.bootIdBefore !== null;
    // Before the first look: an answer may take long where the new apps keep the processor busy.
    this.#step = context.report.start(this.#isRestarting ? `Restarting ${context.hostname}` : trial.doing);
  }

  async follow(): Promise<TrialEnd> {
    const { limits, signal } = this.#context;
    for (;;) {
      const askedMs = performance.now();
      const end = await this.#look();
      if (end !== undefined) return this.#finish(end);
      const pauseMs = fairPauseMs(performance.now() - askedMs, limits.pollMs, LONGEST_PAUSE_MS);
      await delay(pauseMs, undefined, { signal });
    }
  }

  async #look(): Promise<TrialEnd | undefined> {
    const { api, link, signal } = this.#context;
    try {
      const status = await api.poll();
      if (this.#isRestarting) await link.refresh();
      return await this.#judge(status);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NoAnswerError)) throw error;
      await this.#waitUntilBack();
      return undefined;
    }
  }

  async #waitUntilBack(): Promise<void> {
    const { link, limits, signal, hostname } = this.#context;
    try {
      await link.waitUntilBack(this.#page, limits.awayMs);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof NoAnswerError ? notBack(hostname, limits.awayMs, error) : error;
    }
  }

  async #judge(status: UpdateStatus): Promise<TrialEnd | undefined> {
    const { buildId, trialId, knownRecords } = this.#trial;
    await this.#noteRestart();
    const record = status.history.find(
      ({ id, toBuildId }) => id === trialId || (toBuildId === buildId && !knownRecords.has(id)),
    );
    if (record !== undefined) return { outcome: record.outcome, record };
    if (status.trial?.buildId === buildId) return this.#followOn(status.trial);
    const running = runningContent(status);
    if (running?.content?.buildId === buildId && running.slot === status.committed)
      return { outcome: 'confirmed', record: null };
    return this.#missTrace();
  }

  async #noteRestart(): Promise<void> {
    const { link, restartTime } = this.#context;
    if (!this.#isRestarting || link.status.bootId === this.#trial.bootIdBefore) return;
    this.#isRestarting = false;
    this.#traceLostMs = undefined;
    await restartTime.note((performance.now() - this.#startedMs) / 1000);
    this.#step?.done('it is back');
    this.#step = undefined;
  }

  async #followOn(trial: Trial): Promise<TrialEnd | undefined> {
    const { api, client } = this.#context;
    this.#traceLostMs = undefined;
    if (this.#trial.expected === 'confirmed') this.#context.take(this.#seen(trial));
    if (this.#isRestarting) return undefined;
    this.#step ??= this.#context.report.start(this.#trial.doing);
    this.#step.tell(trial.waitsFor.length === 0 ? 'all is well' : trial.waitsFor.join('; '));
    if (trial.waitsFor.length > 0 || this.#trial.confirmBy === 'device') return undefined;
    try {
      const state = await api.confirm({ buildId: trial.buildId, client });
      if (state.trial !== null) return undefined;
      return { outcome: 'confirmed', record: state.history.find(({ id }) => id === trial.id) ?? null };
    } catch (error) {
      // Something became worse between the look and the word.
      if (error instanceof RefusalError && error.statusCode === 409) return undefined;
      throw error;
    }
  }

  #seen({ buildId, fromBuildId, deadlineAtMs, confirmBy }: Trial): CourseEvent {
    const rollsBackAtMs = deadlineAtMs + this.#context.clockSkewMs;
    return { type: 'trial', buildId, fromBuildId, rollsBackAtMs, confirmBy };
  }

  /**
   * Neither a trial nor a record of one. Before the restart that is to be expected, and for a while after it: the
   * record is written when /perm is there. On a device without /perm there never is one.
   */
  #missTrace(): TrialEnd | undefined {
    const { limits } = this.#context;
    const now = performance.now();
    this.#traceLostMs ??= now;
    const limitMs = this.#isRestarting ? limits.awayMs : limits.recordMs;
    if (now - this.#traceLostMs < limitMs) return undefined;
    return { outcome: this.#isRestarting ? 'did not start' : 'rolled back', record: null };
  }

  /** A step that is not done shows as one that went wrong. */
  #finish(end: TrialEnd): TrialEnd {
    if (end.outcome === this.#trial.expected) this.#step?.done(end.outcome);
    return end;
  }
}
