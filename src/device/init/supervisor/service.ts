// One supervised service. Its life is one loop, `#live`: start, wait for the end, decide, wait, again.
//
//   stopped, failed --start--> starting --> running --ends--> backoff --time is up--> starting
//   any --stop--> stopping --> stopped          `waiting`: starts when what it waits for is there
//
// A service with `ready` stays `starting` until it says that it is ready.
//
// `#life` is set from the start to the end of that loop. `stop` asks it to end and awaits it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceSpec, ServiceState, ServiceStatus } from '../../../shared/services/services.ts';
import { appSocketPath } from '../../../shared/services/app-contract.ts';
import { clockTimeOf, monotonicMs } from '../../monotonic.ts';
import type { ProcessExit, Sys } from '../../sys/sys.ts';
import { LogRing } from '../log/log-ring.ts';
import type { AppDevices } from './app-devices.ts';
import { AppSocket } from './app-socket.ts';
import { type Conditions, describeConditions } from './conditions.ts';
import { keepReports } from './crash-reports.ts';
import { launch, type Run } from './launch.ts';
import type { NetworkGuard } from './network/network-guard.ts';
import type { Listener } from './listeners.ts';
import { afterExit, describeExit, restartDelayMs, STABLE_AFTER_MS } from './restart-policy.ts';
import type { ProcessTree } from './process-tree.ts';
import { removeSecrets } from './secrets.ts';
import type { ServiceCgroup } from './service-cgroup.ts';
import { whyKilledByKernel } from './kernel-kills.ts';

/** Time after the last process has ended; a stray one elsewhere may still hold the other end. */
const OUTPUT_CLOSES_WITHIN_MS = 1000;

export interface ServiceContext {
  sys: Sys;
  cgroup: (of: ServiceSpec) => ServiceCgroup | undefined;
  /** False until /perm is there (or its replacement): services without need for it may start before. */
  isPermReady: () => boolean;
  conditions: Conditions;
  /** Sockets that are handed to each process of the service by that name. */
  listeners?: (name: string) => readonly Listener[];
  guard?: () => NetworkGuard | undefined;
  devices: AppDevices;
  /** Into init's own log. */
  say: (text: string) => void;
  onChange: (service: Service) => void;
  random: () => number;
}

export interface Placement {
  spec: ServiceSpec;
  /** Directory that is the root of its processes: `/`, or another image beside it. */
  root: string;
}

export class Service {
  readonly log = new LogRing();
  readonly #context: ServiceContext;
  readonly #socket: AppSocket;
  #placement: Placement;
  #runsFrom: string | null = null;
  #isWanted = false;
  #isRetired = false;
  /** The process has said so, or nobody expects it to. */
  #isReady = false;
  #state: ServiceState = 'stopped';
  #reason: string | null = null;
  /** This and the other moments are monotonic: the clock may be set before anybody asks. */
  #startedAt: number | null = null;
  #startCount = 0;
  #lastExit: (ProcessExit & { at: number }) | null = null;
  #nextStartAt: number | null = null;
  #life: Promise<void> | undefined;
  #isStopRequested = false;
  #run: Run | undefined;
  #whyKilled: string | undefined;
  /** What it has installed by itself, as it says. */
  #installed: ServiceStatus['installed'];
  /** What has been said of refusals since the last start. */
  readonly #refusals = new Set<string>();
  /** Ends what the loop waits for. */
  #wake: () => void = () => {};
  /** Calls of those who wait for what comes of a start. */
  #toldOfStart: (() => void)[] = [];

  constructor(spec: ServiceSpec, context: ServiceContext) {
    this.#placement = { spec, root: '/' };
    this.#context = context;
    this.#socket = new AppSocket(context.sys.path(appSocketPath(spec.name)), {
      onReady: () => this.#becomeReady(),
      onInstalled: (packages) => (this.#installed = packages),
      whenMet: (conditions, signal) => context.conditions.whenMet(conditions, { signal }),
    });
  }

  get spec(): ServiceSpec {
    return this.#placement.spec;
  }

  /** The placement that the next process will have. */
  get placement(): Placement {
    return this.#placement;
  }

  /** Root of the process that there is, or is about to be. */
  get runsFrom(): string | null {
    return this.#runsFrom;
  }

  /** Whether the service was started and not stopped since, whatever has become of it. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  get state(): ServiceState {
    return this.#state;
  }

  status(): ServiceStatus {
    return {
      name: this.spec.name,
      kind: this.spec.kind,
      state: this.#state,
      pid: this.#run?.tree.pid ?? null,
      startedAtMs: timeOf(this.#startedAt),
      startCount: this.#startCount,
      lastExit: this.#viewLastExit(),
      nextStartAtMs: timeOf(this.#nextStartAt),
      reason: this.#reason,
      lastLine: this.log.lastOutput(),
      ...(this.spec.health && { health: this.spec.health }),
      ...(this.#installed && { installed: this.#installed }),
    };
  }

  #viewLastExit(): ServiceStatus['lastExit'] {
    if (this.#lastExit === null) return null;
    const { code, signal, at } = this.#lastExit;
    return { code, signal, atMs: clockTimeOf(at) };
  }

  /** Takes effect with the next process; the one that there is ends by the rules with which it began. */
  place({ spec, root }: Placement): void {
    this.#isRetired = false;
    this.#placement = { spec, root };
  }

  /** Says that the service is not started yet, but will be. */
  wait(reason: string): void {
    this.#enter('waiting', reason);
  }

  /**
   * Resolves when it has a process, or waits for something, or has failed to start. One that waits or backs off
   * starts at once; one that runs is left alone.
   */
  async start(trigger: 'boot' | 'request'): Promise<void> {
    // Somebody may have been about to start it when it went.
    if (this.#isRetired) return;
    this.#isWanted = true;
    const started = new Promise<void>((resolve) => this.#toldOfStart.push(resolve));
    if (this.#life !== undefined) {
      const waits = this.#state === 'backoff' || this.#state === 'waiting';
      if (waits) this.#wake();
      else if (this.#run !== undefined || this.#state === 'stopping') this.#tellOfStart();
      await started;
      return;
    }
    this.#isStopRequested = false;
    this.#life = this.#live(trigger)
      .catch((error: unknown) => {
        // Nothing in the loop should throw; what does must cost this service only.
        this.#note(`given up: ${String(error)}`);
        this.#enter('failed', String(error));
      })
      .finally(() => {
        this.#life = undefined;
        this.#tellOfStart();
      });
    await started;
  }

  /** Resolves when nothing of the service is left. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#isStopRequested = true;
    this.#wake();
    if (this.#life === undefined) this.#enter('stopped', null);
    await this.#life;
  }

  /** Stops it, and it does not start again before it has a place again. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    await this.stop();
    this.#socket.close();
    removeSecrets(this.#context.sys, this.spec.name);
    this.#context.cgroup(this.spec)?.remove();
  }

  /** Something about it that a person should find in its log. */
  tell(text: string): void {
    this.#note(text);
  }

  /** The process that there is, with all that it started. */
  get tree(): ProcessTree | undefined {
    return this.#run?.tree;
  }

  get run(): Run | undefined {
    return this.#run;
  }

  /** Resolves when all of it has ended. What comes then is as after any other end. */
  async kill(why: string): Promise<void> {
    if (this.#run === undefined) return;
    this.#whyKilled = why;
    await this.#run.tree.kill();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start('request');
  }

  /** Says something that the kernel refused to the app: once from one start to the next. */
  noteRefusal(text: string): void {
    if (this.#refusals.has(text)) return;
    this.#refusals.add(text);
    this.#note(text);
  }

  #tellOfStart(): void {
    for (const tell of this.#toldOfStart.splice(0)) tell();
  }

  async #live(trigger: 'boot' | 'request'): Promise<void> {
    let failures = 0;
    for (let attempt = 0; !this.#isStopRequested; attempt++) {
      await this.#waitForConditions();
      if (this.#isStopRequested) break;
      const ended = await this.#runOnce(trigger === 'boot' && attempt === 0);
      if (this.#isStopRequested) break;
      if (ended.next !== 'restart') {
        this.#enter(ended.next, ended.reason);
        return;
      }
      if (ended.ranForMs >= STABLE_AFTER_MS) failures = 0;
      await this.#backOff(restartDelayMs(failures++, this.#context.random()), ended.reason);
    }
    this.#enter('stopped', null);
  }

  async #runOnce(isFirstAtBoot: boolean): Promise<Ended> {
    const placement = this.#placement;
    this.#runsFrom = placement.root;
    this.#enter('starting', null);
    let run: Run;
    try {
      run = await this.#launch(placement, isFirstAtBoot);
    } catch (error) {
      this.#runsFrom = null;
      const reason = error instanceof Error ? error.message : String(error);
      this.#note(reason);
      this.#tellOfStart();
      return { next: placement.spec.restart === 'never' ? 'failed' : 'restart', ranForMs: 0, reason };
    }
    this.#run = run;
    this.#whyKilled = undefined;
    this.#note(`started as process ${run.tree.pid}`);
    if (this.#isReady) this.#enter('running', null);
    else this.#enter('starting', 'has not said yet that it is ready');
    this.#tellOfStart();
    const exit = await this.#endOf(run, placement.spec);
    const reason = describeExit(exit, this.#whyKilled ?? whyKilledByKernel(run, exit));
    this.#run = undefined;
    this.#runsFrom = null;
    this.#lastExit = { ...exit, at: monotonicMs() };
    // What it was refused may be why it has ended.
    this.#context.guard?.()?.look();
    await keepReports(this.#context.sys, placement.spec);
    this.#note(reason);
    return {
      next: afterExit(placement.spec.restart, exit),
      ranForMs: monotonicMs() - run.startedAt,
      reason,
    };
  }

  async #launch({ spec, root }: Placement, isFirstAtBoot: boolean): Promise<Run> {
    const { sys, cgroup, isPermReady, listeners, guard, devices } = this.#context;
    this.#isReady = spec.ready !== true;
    this.#refusals.clear();
    await this.#openSocket(spec);
    this.#startCount++;
    this.#startedAt = monotonicMs();
    return launch(spec, {
      sys,
      root,
      cgroup: cgroup(spec),
      isPermReady: isPermReady(),
      isFirstAtBoot,
      listeners: listeners?.(spec.name) ?? [],
      guard: guard?.(),
      devices,
      log: this.log,
      note: (text) => this.#note(text),
    });
  }

  /** Resolves when the process has ended, by itself or because of `stop`, and nothing of it is left. */
  async #endOf(run: Run, { stopTimeoutSec }: ServiceSpec): Promise<ProcessExit> {
    await this.#unlessWoken(run.exit);
    if (this.#isStopRequested) {
      this.#enter('stopping', null);
      if (!(await run.tree.askToEnd(stopTimeoutSec * 1000))) {
        this.#note(`killed: did not end within ${stopTimeoutSec} s after SIGTERM`);
      }
    }
    if (!run.tree.isEmpty() && !(await run.tree.kill())) {
      this.#note('cannot be killed: hangs in the kernel');
      this.#enter('stopping', 'hangs in the kernel');
    }
    await Promise.race([run.outputClosed, sleep(OUTPUT_CLOSES_WITHIN_MS, undefined, { ref: false })]);
    run.process.closeOutput();
    run.output.end();
    return run.exit;
  }

  async #waitForConditions(): Promise<void> {
    const { conditions } = this.#context;
    const { waitFor = [] } = this.spec;
    const missing = conditions.missing(waitFor);
    if (missing.length === 0) return;
    const enter = (missing: readonly string[]): void =>
      this.#enter('waiting', `waits for ${describeConditions(missing)}`);
    this.#note(`waits for ${describeConditions(missing)}`);
    enter(missing);
    this.#tellOfStart();
    const over = new AbortController();
    await this.#unlessWoken(conditions.whenMet(waitFor, { signal: over.signal, onMissing: enter }));
    over.abort();
  }

  async #openSocket({ kind, user }: ServiceSpec): Promise<void> {
    if (kind === 'system') return;
    try {
      const uid = user?.uid ?? 0;
      await this.#socket.open({ uid, gid: uid });
    } catch (error) {
      // Most apps do without it.
      this.#note(`its socket cannot be opened: ${String(error)}`);
    }
  }

  #becomeReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#note('ready');
    if (this.#state === 'starting' && this.#run !== undefined) this.#enter('running', null);
  }

  async #backOff(delayMs: number, reason: string): Promise<void> {
    this.#nextStartAt = monotonicMs() + delayMs;
    this.#note(`starts again in ${(delayMs / 1000).toFixed(1)} s`);
    this.#enter('backoff', reason);
    const timeIsUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeIsUp.resolve, delayMs);
    await this.#unlessWoken(timeIsUp.promise);
    clearTimeout(timer);
    this.#nextStartAt = null;
  }

  async #unlessWoken(promise: Promise<unknown>): Promise<void> {
    if (this.#isStopRequested) return;
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    await Promise.race([promise, woken.promise]);
  }

  #enter(state: ServiceState, reason: string | null): void {
    this.#state = state;
    this.#reason = reason;
    this.#context.onChange(this);
  }

  #note(text: string): void {
    this.log.append('init', text);
    this.#context.say(`${this.spec.name}: ${text}`);
  }
}

function timeOf(moment: number | null): number | null {
  return moment === null ? null : clockTimeOf(moment);
}

interface Ended {
  next: 'restart' | 'stopped' | 'failed';
  ranForMs: number;
  reason: string;
}
