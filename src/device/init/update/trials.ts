// Trials as init sees them: whether this start is a trial, the trial that goes on, and what came of earlier ones.
// It never writes a slot. What it decides, it decides by the slot that runs and the one that the boot loader
// starts; what is remembered in /perm only helps to tell what happened.

import { SLOT_PARAMETER } from '../../../shared/board/cmdline.ts';
import { LOG_OF_INIT } from '../../../shared/api/init-api.ts';
import type { LogLine } from '../../../shared/services/services.ts';
import { shortBuildId } from '../../../shared/manifest/short-build-id.ts';
import { isSlot, type Slot } from '../../../shared/board/slots.ts';
import {
  type ConfirmTrial,
  type Trial,
  TRIAL_LIMIT_MS,
  type TrialCheck,
  type TrialRequest,
  type UpdateState,
} from '../../../shared/update/update-state.ts';
import { ApiRefusal } from '../api/api-refusal.ts';
import { describeError } from '../../describe-error.ts';
import type { Device } from '../device.ts';
import { askedTrial, unknownTrial, viewTrial, whyNotTry } from './asked-trial.ts';
import { BootLoader } from './boot-loader.ts';
import { makeEnding, TrialBook } from './trial-book.ts';
import type { PendingTrial, TrialEnding } from './trial-memory.ts';
import type { StartTrace } from './last-trial.ts';
import type { TrialEnd, TrialRun } from './trial-run.ts';
import type { AppSwitch, TrialsOptions } from './trials-options.ts';

const LINES_OF_FAULT = 20;
const MAX_RETURNS = 2;

export class Trials {
  readonly #options: TrialsOptions;
  readonly #device: Device;
  readonly #running: Slot | null;
  readonly #book: TrialBook;
  readonly #loader: BootLoader;
  #appSwitch: AppSwitch | null = null;
  /** The device restarts into it. */
  #asked: PendingTrial | null = null;
  #run: TrialRun | null = null;
  #isRecalled = false;
  /** Resolves when apps have been switched, or that has failed. */
  #switching: Promise<void> = Promise.resolve();

  constructor(options: TrialsOptions) {
    this.#options = options;
    this.#device = options.device;
    this.#book = new TrialBook(options.device);
    this.#loader = new BootLoader((text) => this.#say(text));
    const slot = options.device.kernelArguments.get(SLOT_PARAMETER);
    this.#running = slot !== undefined && isSlot(slot) ? slot : null;
  }

  /** Early in boot: a trial's time runs from here on, whatever the rest of the boot does. */
  async begin(): Promise<void> {
    try {
      await this.#loader.open(this.#options.openBootSwitch);
    } catch (error) {
      this.#device.warn(`Cannot find out which slot the boot loader starts: ${describeError(error)}`);
    }
    const running = this.#running;
    const { committed } = this.#loader;
    if (running === null || committed === null || running === committed) return;
    try {
      await this.#supervise(unknownTrial(this.#device, running));
    } catch (error) {
      // It would never end.
      this.#options.restart(`the trial cannot be supervised: ${describeError(error)}`);
      throw error;
    }
  }

  /** When /perm is there: what was going on before this start? */
  async recall(): Promise<void> {
    try {
      await this.#recall();
    } finally {
      this.#isRecalled = true;
    }
  }

  async #recall(): Promise<void> {
    const early = this.#book.pending?.ending ?? null;
    this.#book.load();
    const { pending } = this.#book;
    if (this.#run !== null) return this.#recallTrial(this.#run, pending, early);
    const { committed } = this.#loader;
    if (committed === null) return this.#recallWithoutLoader(pending);
    const trace = await this.#loader.takeTrace();
    if (pending !== null) await this.#settle(pending, committed, trace);
  }

  state(): UpdateState {
    const appsFrom = this.#appSwitch?.slot ?? null;
    return {
      running: this.#running,
      committed: this.#loader.committed,
      appsFrom: appsFrom === this.#running ? null : appsFrom,
      trialStart: this.#loader.trialStart,
      trial: this.#viewTrial(),
      history: this.#book.history,
      ...(!this.#isRecalled && { isStarting: true }),
    };
  }

  takeChecks(checks: readonly TrialCheck[]): void {
    this.#run?.takeChecks(checks);
  }

  /** Returns what is to be done once the asker knows that it is accepted. */
  async startTrial(request: TrialRequest): Promise<() => void> {
    if (this.#options.isShuttingDown()) throw new ApiRefusal('shutting-down', 'The device is shutting down');
    const state = this.state();
    const problem = this.#isRecalled ? whyNotTry(request, state) : 'the device is still starting';
    if (problem !== null)
      throw new ApiRefusal(
        this.#isRecalled ? (state.trial ? 'trial-going-on' : 'cannot-try') : 'still-starting',
        `Cannot try build ${shortBuildId(request.buildId)} in slot ${request.slot}: ${problem}`,
      );
    const pending = askedTrial(this.#device, request);
    this.#asked = pending;
    try {
      return request.mode === 'live' ? await this.#prepareLive(request, pending) : await this.#arm(pending);
    } catch (error) {
      this.#asked = null;
      this.#book.note(null);
      throw error;
    }
  }

  async confirm({ buildId, who }: ConfirmTrial): Promise<void> {
    const run = this.#requireTrial();
    const { pending } = run;
    if (pending.buildId !== buildId)
      throw new ApiRefusal(
        'no-trial',
        `Build ${shortBuildId(pending.buildId)} is on trial, not ${shortBuildId(buildId)}`,
      );
    await run.confirm(who);
  }

  rollBack(who: string): void {
    const run = this.#requireTrial();
    if (run.isCommitting) throw new ApiRefusal('trial-ending', 'The trial is being confirmed right now');
    run.rollBack({ reason: `rolled back by ${who}`, of: LOG_OF_INIT });
  }

  /** Before an orderly way down that somebody else asked for: during a trial it ends in the old slot. */
  noteRestart(why: string): void {
    if (this.#run === null || this.#run.isEnded) return;
    this.#run.stop('the device goes down');
    this.#book.note({
      ...this.#run.pending,
      ending: makeEnding(`it was restarted during the trial: ${why}`),
    });
  }

  async #supervise(pending: PendingTrial): Promise<void> {
    // Only a trial needs it.
    const [{ TrialRun, trialLimitMs }, { TrialHealth }] = await Promise.all([
      import('./trial-run.ts'),
      import('./trial-health.ts'),
    ]);
    const limitMs = trialLimitMs(this.#device.kernelArguments);
    this.#say(
      `trial of slot ${pending.slot}, build ${shortBuildId(pending.buildId)}, for at most ${limitMs / 1000} s`,
    );
    const run: TrialRun = new TrialRun({
      pending,
      health: new TrialHealth(this.#device, this.#options.clock),
      clock: this.#options.clock,
      limitMs,
      commit: () => this.#loader.commit(run.pending.slot),
      onEnd: (end) => void this.#endTrial(run, end),
      say: (text) => this.#say(text),
    });
    run.identify(pending);
    this.#run = run;
  }

  async #endTrial(run: TrialRun, end: TrialEnd): Promise<void> {
    const { pending } = run;
    if (end.outcome === 'confirmed') {
      this.#say(`trial: confirmed by ${end.by}: slot ${pending.slot} is what starts from now on`);
      if (pending.mode === 'live') this.#appSwitch?.keep();
      this.#device.logKeeper.keepSafe(false);
      this.#close(pending, { outcome: 'confirmed', ...makeEnding(null) });
      return;
    }
    const { reason, of } = end.fault;
    this.#say(`trial: rolled back: ${reason}`);
    const ending = makeEnding(reason, this.#lastLinesOf(of));
    this.#book.note({ ...pending, ending });
    await this.#loader.takeBackCommit();
    const why = `the trial of build ${shortBuildId(pending.buildId)} is rolled back: ${reason}`;
    if (pending.mode === 'reboot') this.#options.restart(why);
    else await this.#undoLive(pending, ending, why);
  }

  async #undoLive(pending: PendingTrial, ending: TrialEnding, why: string): Promise<void> {
    try {
      await this.#withinStopLimit(this.#switching.then(() => this.#appSwitch?.undo()));
    } catch (error) {
      this.#say(`trial: apps of slot ${this.#running ?? '?'} cannot be started: ${describeError(error)}`);
      this.#options.restart(why);
      return;
    }
    this.#close(pending, { outcome: 'rolled back', ...ending });
  }

  /** What hangs in the kernel ends with the device only. */
  async #withinStopLimit(work: Promise<void>): Promise<void> {
    const { promise: timeIsUp, reject } = Promise.withResolvers<never>();
    const limitMs = this.#device.stopLimitMs();
    const isLate = (): void => reject(new Error(`they have not stopped within ${limitMs / 1000} s`));
    const stopClock = this.#options.clock.every(limitMs, isLate);
    await Promise.race([work, timeIsUp]).finally(stopClock);
  }

  /** Into the history, when the device goes on with it in this start. */
  #close(pending: PendingTrial, end: { outcome: 'confirmed' | 'rolled back' } & TrialEnding): void {
    this.#run = null;
    this.#book.close(pending, { bootId: pending.startedBootId, ...end });
  }

  async #arm(pending: PendingTrial): Promise<() => void> {
    const { bootSwitch } = this.#loader;
    this.#book.note(pending);
    await bootSwitch.armTrial(pending.slot).catch((error: unknown) => {
      throw new Error(`Cannot ask for a start of slot ${pending.slot}`, { cause: error });
    });
    if (this.#options.isShuttingDown()) {
      await bootSwitch.disarm();
      throw new ApiRefusal('shutting-down', 'The device is shutting down');
    }
    const why = `trial of slot ${pending.slot}, build ${shortBuildId(pending.buildId)}, asked for by ${pending.who}`;
    return () => this.#options.restart(why, () => bootSwitch.restartIntoTrial());
  }

  async #prepareLive(request: TrialRequest, pending: PendingTrial): Promise<() => void> {
    const appSwitch = (this.#appSwitch ??= await this.#options.openAppSwitch());
    this.#book.note(pending);
    await this.#supervise(pending);
    this.#asked = null;
    return () => {
      this.#switching = appSwitch.start(request).catch((error: unknown) => {
        this.#run?.rollBack({ reason: `apps were not switched: ${describeError(error)}`, of: LOG_OF_INIT });
      });
    };
  }

  /** `early`: it has ended before it was known who asked for it. */
  #recallTrial(run: TrialRun, pending: PendingTrial | null, early: TrialEnding | null): void {
    const { buildId } = this.#device.config;
    const isThis = pending !== null && pending.slot === this.#running && pending.buildId === buildId;
    const known = isThis ? this.#countReturn(pending) : run.pending;
    if (isThis) this.#say(`trial: ${known.who} asked for it, ${confirmer(known)} has to confirm it`);
    run.identify({ ...known, startedBootId: this.#device.bootRecord().id, ending: early });
    this.#book.note(run.pending);
    this.#device.logKeeper.keepSafe(true);
  }

  /**
   * A device that cannot start its committed slot any more (its kernel's file is gone, say) comes up here again whenever
   * it goes back. It has to come to rest: if all is well here, this is where it stays.
   */
  #countReturn(pending: PendingTrial): PendingTrial {
    if (pending.ending === null) return pending;
    const returns = pending.returns + 1;
    this.#say(`trial: rolled back, but slot ${pending.slot} started again`);
    return { ...pending, returns, confirmBy: returns < MAX_RETURNS ? pending.confirmBy : 'device' };
  }

  /**
   * The boot loader's file cannot be read. If this is the first start since a trial of this slot was asked for, it is
   * that trial, of a build that could not even be confirmed. Only what could be noted counts: the device must not
   * restart for this again and again.
   */
  async #recallWithoutLoader(pending: PendingTrial | null): Promise<void> {
    const isFirst = pending?.slot === this.#running && pending?.startedBootId === null;
    if (!isFirst || pending.buildId !== this.#device.config.buildId) return;
    const started = { ...pending, startedBootId: this.#device.bootRecord().id };
    if (this.#book.note(started)) await this.#supervise(started);
  }

  async #settle(pending: PendingTrial, committed: Slot, trace: StartTrace): Promise<void> {
    const { judgeLastTrial } = await import('./last-trial.ts');
    const outcome = await judgeLastTrial({ pending, committed, trace, logs: this.#device.logKeeper });
    if (outcome !== 'forgotten') {
      this.#say(
        `trial of build ${shortBuildId(pending.buildId)}: ${outcome.outcome}${toReason(outcome.reason)}`,
      );
      this.#book.close(pending, outcome);
      return;
    }
    await this.#tryAgain({ ...pending, isSecondTry: true });
  }

  /** By now the switch knows that the firmware forgets, and does it by kexec. */
  async #tryAgain(pending: PendingTrial): Promise<void> {
    const forgotten = 'the firmware forgot to start it';
    this.#say(
      `trial of build ${shortBuildId(pending.buildId)}: ${forgotten}, so it is started without the firmware`,
    );
    try {
      // Not noted, it would be tried again after every start.
      if (!this.#book.note(pending)) throw new Error('/perm cannot be written');
      this.#asked = pending;
      (await this.#arm(pending))();
    } catch (error) {
      this.#asked = null;
      const ending = makeEnding(`${forgotten}, and ${describeError(error)}`);
      this.#book.close(pending, { outcome: 'did not start', bootId: null, ...ending });
    }
  }

  #requireTrial(): TrialRun {
    if (this.#run === null || this.#run.isEnded) throw new ApiRefusal('no-trial', 'No trial is going on');
    return this.#run;
  }

  #viewTrial(): Trial | null {
    if (this.#run !== null) return this.#run.view();
    if (this.#asked === null) return null;
    return viewTrial(this.#asked, {
      startedAtMs: this.#asked.askedAtMs,
      limitMs: TRIAL_LIMIT_MS,
      waitsFor: [`the device restarts into slot ${this.#asked.slot}`],
    });
  }

  #lastLinesOf(name: string): { of: string; lines: LogLine[] } {
    const log = this.#device.supervisor.get(name)?.log;
    return log === undefined
      ? { of: LOG_OF_INIT, lines: this.#device.log.ring.last(LINES_OF_FAULT) }
      : { of: name, lines: log.last(LINES_OF_FAULT) };
  }

  #say(text: string): void {
    this.#device.log.say(text);
  }
}

function confirmer({ confirmBy }: PendingTrial): string {
  return confirmBy === 'client' ? 'a client' : 'the device itself';
}

function toReason(reason: string | null): string {
  return reason === null ? '' : `: ${reason}`;
}
