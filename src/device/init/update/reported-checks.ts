// What web reports during a trial (PID 1 reads nothing from the network): whether the page and the apps' health
// URLs answer. A report that is old or not complete is as bad as a bad one.

import type { TrialCheck } from '../../../shared/update/update-state.ts';
import type { TrialClock } from './trial-clock.ts';
import type { Fault } from './fault.ts';

const FRESH_MS = 15_000;
const PAGE = 'page';
const HEALTH_OF = 'health of ';

export class ReportedChecks {
  readonly #clock: TrialClock;
  #checks: ReadonlyMap<string, string | null> = new Map();
  #reportedAt = -Infinity;

  constructor(clock: TrialClock) {
    this.#clock = clock;
  }

  take(checks: readonly TrialCheck[]): void {
    this.#checks = new Map(checks.map(({ name, problem }) => [name, problem]));
    this.#reportedAt = this.#clock.now();
  }

  /** `apps`: names of the services with a health URL. */
  problems(apps: readonly string[]): Fault[] {
    if (this.#reportedAt === -Infinity) return [faultOf(PAGE, 'has not been looked at yet')];
    if (this.#clock.now() - this.#reportedAt >= FRESH_MS)
      return [faultOf(PAGE, `has not been looked at for ${FRESH_MS / 1000} s`)];
    const expected = [PAGE, ...apps.map((app) => `${HEALTH_OF}${app}`)];
    const missing = expected.filter((name) => !this.#checks.has(name));
    return [
      ...missing.map((name) => faultOf(name, 'has not been looked at yet')),
      ...[...this.#checks].flatMap(([name, problem]) => (problem === null ? [] : [faultOf(name, problem)])),
    ];
  }
}

function faultOf(name: string, problem: string): Fault {
  const of = name.startsWith(HEALTH_OF) ? name.slice(HEALTH_OF.length) : 'web';
  return { reason: `${name === PAGE ? 'the page' : name}: ${problem}`, of };
}
