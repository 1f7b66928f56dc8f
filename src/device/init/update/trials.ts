// Trials of updates as init carries them out: what a trial is and how it ends is the machine's to say
// (trial/machine.ts); here its effects are done, and what comes of them is told to it. Nothing here writes a slot. What
// is remembered in /perm only helps to tell what happened: which slot runs and which one starts is decided elsewhere.

import { SLOT_PARAMETER } from '../../../shared/board/cmdline.ts';
import { isSlot, type Slot } from '../../../shared/board/slots.ts';
import { LOG_OF_INIT } from '../../../shared/api/init-api.ts';
import {
  type ConfirmTrial,
  type TrialCheck,
  TRIAL_LIMIT_MS,
  type TrialRequest,
  type UpdateState,
} from '../../../shared/update/update-state.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import { describeError } from '../../describe-error.ts';
import type { Device } from '../device/device.ts';
import { askedTrial, makeTrialId } from './asked-trial.ts';
import { BootLoader } from './boot-loader.ts';
import { type LastLines, MAX_LAST_LINES, NOTHING_BEFORE } from './trial/pending-trial.ts';
import { needsEvidence } from './trial/recall.ts';
import { stepTrial } from './trial/machine.ts';
import {
  createTrialMachine,
  isTimed,
  type TrialEffect,
  type TrialEnvironment,
  type TrialEvent,
  type TrialMachine,
  trialOf,
  type TrialRefusal,
} from './trial/state.ts';
import { TrialBook } from './trial-book.ts';
import type { HealthReport } from './trial/health-report.ts';
import type { TrialHealth } from './trial-health.ts';
import type { AppSwitch, TrialsOptions } from './trials-options.ts';

const LOOK_EVERY_MS = 1000;

export class Trials {
  readonly #options: TrialsOptions;
  readonly #device: Device;
  readonly #book: TrialBook;
  readonly #loader: BootLoader;
  #machine: TrialMachine;
  /** To be taken when the effects of the one before are done. */
  readonly #events: TrialEvent[] = [];
  #isTaking = false;
  #health: TrialHealth | null = null;
  #stopLooking: () => void = () => {};
  /** How things were before the trial that goes on. */
  #before = NOTHING_BEFORE;
  #appSwitch: AppSwitch | null = null;
  /** Resolves when apps have been switched, or that has failed. */
  #switching: Promise<void> = Promise.resolve();
  /** Resolves when a trial that has begun is looked after. */
  #supervision: Promise<void> = Promise.resolve();
  readonly #waiting: Record<'asker' | 'confirmers', PromiseWithResolvers<void>[]> = {
    asker: [],
    confirmers: [],
  };

  constructor(options: TrialsOptions) {
    this.#options = options;
    this.#device = options.device;
    this.#book = new TrialBook(options.device);
    this.#loader = new BootLoader((text) => this.#say(text));
    const { kernelArguments, config } = options.device;
    const slot = kernelArguments.get(SLOT_PARAMETER);
    this.#machine = createTrialMachine({
      slot: slot !== undefined && isSlot(slot) ? slot : null,
      buildId: config.buildId,
      bootId: options.device.bootRecord().id,
      trialLimitMs: trialLimitMs(kernelArguments),
    });
  }

  /** Early in boot: a trial's time runs from here on, whatever the rest of the boot does. */
  async begin(): Promise<void> {
    let committed: Slot | null = null;
    try {
      committed = await this.#loader.open(this.#options.openBootSwitch);
    } catch (error) {
      this.#device.warn(`Cannot find out which slot the boot loader starts: ${describeError(error)}`);
    }
    this.#take({ type: 'opened', committed });
    await this.#supervision;
  }

  /** When /perm is there: what was going on before this start? */
  async recall(): Promise<void> {
    const pending = this.#book.load();
    let trace = null;
    let evidence = null;
    try {
      const { phase, loader } = this.#machine;
      if (phase.name === 'starting' && loader.committed !== null) trace = await this.#loader.takeTrace();
      if (pending !== null && needsEvidence(this.#machine, pending)) {
        const { findEvidence } = await import('./trial-evidence.ts');
        evidence = await findEvidence(pending, trace, this.#device.logKeeper);
      }
    } finally {
      this.#take({ type: 'recalled', pending, evidence });
      await this.#supervision;
    }
  }

  state(): UpdateState {
    const { start, loader, isRecalled } = this.#machine;
    const appsFrom = this.#appSwitch?.slot ?? null;
    const { newestSignedAtSec } = this.#book;
    return {
      running: start.slot,
      committed: loader.committed,
      appsFrom: appsFrom === start.slot ? null : appsFrom,
      trialStart: this.#loader.trialStart,
      ...this.#loader.facts,
      trial: trialOf(this.#machine, this.#environment(), this.#look()),
      history: this.#book.history,
      ...(newestSignedAtSec !== undefined && { newestSignedAtSec }),
      ...(!isRecalled && { isStarting: true }),
    };
  }

  takeChecks(checks: readonly TrialCheck[]): void {
    this.#health?.takeChecks(checks);
  }

  /** Returns what is to be done once the asker knows that it is accepted. */
  async startTrial(request: TrialRequest): Promise<() => void> {
    if (this.#options.isShuttingDown()) this.noteRestart('the device was going down already');
    if (request.mode === 'live') this.#appSwitch ??= await this.#options.openAppSwitch();
    const pending = askedTrial(this.#device, request);
    await this.#ask('asker', { type: 'asked', pending, trialStart: this.#loader.trialStart });
    await this.#supervision;
    return () => this.#take({ type: 'answered' });
  }

  /** Resolves when the boot loader knows. */
  async confirm(request: ConfirmTrial): Promise<void> {
    await this.#ask('confirmers', { type: 'confirm', ...request, report: this.#look() });
  }

  rollBack(who: string): void {
    this.#take({ type: 'roll back', who });
  }

  /** Before an orderly way down that somebody else asked for: during a trial it ends in the old slot. */
  noteRestart(why: string): void {
    this.#take({ type: 'going down', why });
  }

  async #ask(as: 'asker' | 'confirmers', event: TrialEvent): Promise<void> {
    const answer = Promise.withResolvers<void>();
    this.#waiting[as].push(answer);
    try {
      this.#take(event);
      await answer.promise;
    } finally {
      this.#waiting[as] = this.#waiting[as].filter((each) => each !== answer);
    }
  }

  /** Throws what the machine refuses. Events that come of effects wait for those that are still to be done. */
  #take(event: TrialEvent): void {
    this.#events.push(event);
    if (this.#isTaking) return;
    this.#isTaking = true;
    let refusal: TrialRefusal | null = null;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { machine, effects } = stepTrial(this.#machine, next, this.#environment());
        this.#machine = machine;
        for (const effect of effects)
          if (effect.type === 'refuse') refusal = effect.refusal;
          else this.#do(effect);
      }
    } finally {
      this.#isTaking = false;
    }
    if (!isTimed(this.#machine)) this.#stopLooking();
    if (refusal !== null) throw toError(refusal);
  }

  #do(effect: Exclude<TrialEffect, { type: 'refuse' }>): void {
    switch (effect.type) {
      case 'say':
        return this.#say(effect.text);
      case 'note':
        return this.#take({ type: 'noted', isKept: this.#book.note(effect.pending) });
      case 'record':
        return this.#book.close(effect.pending, effect.outcome);
      case 'answer':
        return this.#answer(effect.to, effect.refusal);
      case 'arm':
        return this.#tell(this.#loader.arm(effect.slot));
      case 'disarm':
        void this.#loader.disarm();
        return;
      case 'restart':
        if (effect.into === 'committed') return this.#options.restart(effect.why);
        return this.#options.restart(effect.why, () => this.#loader.restartIntoTrial());
      case 'supervise':
        this.#before = effect.before;
        this.#supervision = this.#supervise();
        return;
      case 'compare':
        this.#before = effect.before;
        return this.#health?.compareWith(effect.before);
      case 'stop supervising':
        this.#health?.close();
        this.#health = null;
        return;
      case 'switch apps':
        this.#switching = this.#switchApps(effect.pending);
        return;
      case 'switch back':
        return this.#tell(this.#switchBack());
      case 'keep apps':
        return this.#appSwitch?.keep();
      case 'commit': {
        const onRead = (committed: Slot): void => this.#take({ type: 'read', committed });
        return this.#tell(this.#loader.commit(effect.slot, effect.isUnread ? onRead : null));
      }
      case 'keep logs safe':
        return this.#device.logKeeper.keepSafe(effect.isOn);
    }
  }

  #tell(coming: Promise<TrialEvent>): void {
    void coming.then((event) => this.#take(event));
  }

  #answer(to: 'asker' | 'confirmers', refusal: TrialRefusal | null): void {
    for (const { resolve, reject } of this.#waiting[to]) {
      if (refusal === null) resolve();
      else reject(toError(refusal));
    }
  }

  async #supervise(): Promise<void> {
    try {
      // Only a trial needs it.
      const { TrialHealth } = await import('./trial-health.ts');
      if (this.#machine.phase.name !== 'trying') return;
      const { clock } = this.#options;
      this.#health = new TrialHealth(this.#device, clock);
      this.#health.compareWith(this.#before);
      this.#stopLooking = clock.every(LOOK_EVERY_MS, () =>
        this.#take({ type: 'look', report: this.#look() }),
      );
    } catch (error) {
      this.#take({ type: 'not supervised', problem: describeError(error) });
    }
  }

  /** null: there is nothing to look after. */
  #look(): HealthReport | null {
    return this.#health?.look() ?? null;
  }

  async #switchApps(request: Parameters<AppSwitch['start']>[0]): Promise<void> {
    try {
      await this.#appSwitch?.start(request);
      this.#take({ type: 'switched' });
    } catch (error) {
      this.#take({ type: 'not switched', problem: describeError(error) });
    }
  }

  async #switchBack(): Promise<TrialEvent> {
    try {
      await this.#switching;
      await this.#appSwitch?.undo();
      return { type: 'switched back' };
    } catch (error) {
      return { type: 'not switched back', problem: describeError(error) };
    }
  }

  #environment(): TrialEnvironment {
    return {
      nowMs: this.#options.clock.now(),
      dateMs: Date.now(),
      makeId: makeTrialId,
      lastLines: (of) => this.#lastLinesOf(of),
      stopLimitMs: this.#device.stopLimitMs(),
    };
  }

  #lastLinesOf(name: string): LastLines {
    const log = this.#device.supervisor.get(name)?.log;
    return log === undefined
      ? { of: LOG_OF_INIT, lines: this.#device.log.ring.last(MAX_LAST_LINES) }
      : { of: name, lines: log.last(MAX_LAST_LINES) };
  }

  #say(text: string): void {
    this.#device.log.say(text);
  }
}

/** The time limit of trials; a kernel parameter makes it shorter. */
function trialLimitMs(kernelArguments: ReadonlyMap<string, string>): number {
  const seconds = Number(kernelArguments.get('tskrazy.trial-sec') ?? NaN);
  return seconds >= 1 ? Math.min(seconds * 1000, TRIAL_LIMIT_MS) : TRIAL_LIMIT_MS;
}

/** What the device fails at is no refusal. */
function toError({ code, message, waitsFor }: TrialRefusal): Error {
  return code === 'failed' ? new Error(message) : new ApiRefusal(code, message, waitsFor && { waitsFor });
}
