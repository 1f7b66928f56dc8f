// Whether the services are well during a trial: those that should run do so, and do not crash. An end that the
// program calls a success, and a stop that somebody asked for, are no crash.

import type { ServiceStatus } from '../../../shared/services/services.ts';
import { TRIAL_STABLE_MS } from '../../../shared/update/update-state.ts';
import type { Service } from '../supervisor/service.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { TrialClock } from './trial-clock.ts';
import type { Fault } from './trial/health-report.ts';
import type { HealthBefore, UnwellService } from './trial/health-before.ts';

/** So many crashes within so long are one too many. */
const MAX_CRASHES = 3;
const CRASH_WINDOW_MS = 30_000;

interface Observed {
  /** Times of crashes, oldest first. */
  crashes: number[];
  /** How it crashed last, as in a sentence about it. */
  lastCrash: string | null;
  /** Since when it is well; null: it is not, or was not since its last crash. */
  wellSince: number | null;
}

export class ServiceWatch {
  readonly #supervisor: Supervisor;
  readonly #clock: TrialClock;
  readonly #observed = new Map<string, Observed>();
  readonly #unwatch: () => void;
  #mayWait: ReadonlySet<string> = new Set();
  /** By name of the service. */
  #unwell: ReadonlyMap<string, UnwellService> = new Map();
  readonly #faults: Fault[] = [];

  constructor(supervisor: Supervisor, clock: TrialClock) {
    this.#supervisor = supervisor;
    this.#clock = clock;
    this.#lookForWell();
    this.#unwatch = supervisor.watch((status) => this.#observe(status));
  }

  close(): void {
    this.#unwatch();
  }

  /** Services that waited for something before the trial may go on doing so; some may be as unwell as they were. */
  compareWith({ waiting, unwell }: Pick<HealthBefore, 'waiting' | 'unwell'>): void {
    this.#mayWait = new Set(waiting);
    this.#unwell = new Map(unwell.map((service) => [service.name, service]));
    this.#lookForWell();
  }

  /** What cannot become well any more. */
  get fault(): Fault | null {
    return this.#faults.find(({ of }) => !this.isExcused(of)) ?? null;
  }

  /** Whether the service was not well before, and the update leaves it as it is. */
  isExcused(name: string): boolean {
    return this.#unwell.get(name)?.isExcused === true;
  }

  /** All that should run do so now, for however long. */
  areUp(): boolean {
    return this.#due().every(
      (service) => this.isExcused(service.spec.name) || this.#isWell(service.status()),
    );
  }

  /** A sentence for each that is not well, or not for long enough; and the name of the first that matters. */
  look(): { problems: string[]; excused: string[]; of: string | null } {
    const problems: string[] = [];
    const excused: string[] = [];
    let of: string | null = null;
    let youngestMs = TRIAL_STABLE_MS;
    for (const service of this.#due()) {
      const status = service.status();
      const { wellSince, lastCrash } = this.#observedOf(status.name);
      const wellMs = wellSince === null ? 0 : this.#clock.now() - wellSince;
      if (this.isExcused(status.name)) {
        if (wellSince === null || !this.#isWell(status) || lastCrash !== null)
          excused.push(describeState(status, lastCrash));
        continue;
      }
      if (wellSince === null || !this.#isWell(status)) problems.push(describeState(status, lastCrash));
      else if (lastCrash !== null && wellMs < TRIAL_STABLE_MS)
        problems.push(`${subjectOf(status)} has run for ${describeShare(wellMs)} since it ${lastCrash}`);
      else youngestMs = Math.min(youngestMs, wellMs);
      if (problems.length > 0) of ??= status.name;
    }
    if (youngestMs < TRIAL_STABLE_MS) problems.push(`the services have run for ${describeShare(youngestMs)}`);
    return { problems, excused, of };
  }

  #due(): Service[] {
    return this.#supervisor.list().filter(({ spec }) => spec.autostart);
  }

  #observedOf(name: string): Observed {
    const known = this.#observed.get(name);
    if (known !== undefined) return known;
    const fresh: Observed = { crashes: [], lastCrash: null, wellSince: null };
    this.#observed.set(name, fresh);
    return fresh;
  }

  #observe(status: ServiceStatus): void {
    const observed = this.#observedOf(status.name);
    if (hasCrashed(status)) this.#noteCrash(status, observed);
    // By request, a live switch's maybe: what comes next has to prove itself anew.
    else if (status.state === 'stopping') observed.wellSince = null;
    else if (this.#isWell(status)) observed.wellSince ??= this.#clock.now();
  }

  /** Crashes of before are not held against a trial: it may be what ends them. */
  #lookForWell(): void {
    for (const service of this.#due()) {
      const status = service.status();
      if (this.#isWell(status)) this.#observedOf(status.name).wellSince ??= this.#clock.now();
    }
  }

  #noteCrash(status: ServiceStatus, observed: Observed): void {
    const now = this.#clock.now();
    const what = describeCrash(status);
    observed.wellSince = null;
    observed.lastCrash = what;
    observed.crashes = [...observed.crashes, now].filter((time) => now - time < CRASH_WINDOW_MS);
    if (this.#supervisor.get(status.name)?.spec.autostart !== true) return;
    const asBefore = this.#unwell.has(status.name) ? '; it was not well before either' : '';
    if (status.state === 'failed') {
      this.#faults.push({ reason: `${subjectOf(status)} ${what}${asBefore}`, of: status.name });
    } else if (observed.crashes.length >= MAX_CRASHES) {
      const often = `three times in ${CRASH_WINDOW_MS / 1000} s`;
      const [head, ...detail] = what.split(': ');
      const reason = [`${subjectOf(status)} ${head} ${often}`, ...detail].join(': ');
      this.#faults.push({ reason: `${reason}${asBefore}`, of: status.name });
    }
  }

  #isWell(status: ServiceStatus): boolean {
    const { state, name } = status;
    if (state === 'waiting') return this.#mayWait.has(name);
    // Ended well, or stopped by somebody; between two runs of one that ends well again and again.
    return state === 'running' || state === 'stopped' || (state === 'backoff' && !hasCrashed(status));
  }
}

function subjectOf({ kind, name }: Pick<ServiceStatus, 'kind' | 'name'>): string {
  return kind === 'system' ? `program ${name}` : `app ${name}`;
}

export function hasCrashed({ state, lastExit, startedAtMs }: ServiceStatus): boolean {
  if (state === 'failed') return true;
  if (state !== 'backoff') return false;
  // One that could not be started has no exit of its own, only that of the run before.
  return lastExit?.code !== 0 || lastExit.atMs < (startedAtMs ?? 0);
}

export function describeCrash({ reason }: ServiceStatus): string {
  const what = reason ?? 'failed';
  if (what.startsWith('exited')) return what;
  return what.startsWith('killed') ? `was ${what}` : `could not be started: ${what}`;
}

function describeState({ kind, name, state, reason }: ServiceStatus, lastCrash: string | null): string {
  const subject = subjectOf({ kind, name });
  if (lastCrash !== null && state !== 'waiting') return `${subject} ${lastCrash}`;
  if (state === 'waiting' && reason !== null) return `${subject} ${reason}`;
  return `${subject} is ${state}${reason === null ? '' : `: ${reason}`}`;
}

function describeShare(ms: number): string {
  return `${Math.floor(ms / 1000)} of ${TRIAL_STABLE_MS / 1000} s`;
}
