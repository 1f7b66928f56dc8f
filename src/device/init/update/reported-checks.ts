// What web reports during a trial (PID 1 reads nothing from the network): whether the page and the apps' health
// URLs answer. A report that is old or not complete is as bad as a bad one.

import type { TrialCheck } from '../../../shared/update/update-state.ts';
import type { TrialClock } from './trial-clock.ts';
import type { Fault } from './trial/health-report.ts';

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

  /** What nothing is known of yet. `apps`: names of the services with a health URL. */
  unseen(apps: readonly string[]): Fault[] {
    // All that is to be seen comes in one report.
    const expected = this.#reportedAt === -Infinity ? [] : apps.map((app) => `${HEALTH_OF}${app}`);
    const missing = [PAGE, ...expected].filter((name) => !this.#checks.has(name));
    return missing.map((name) => faultOf(name, 'has not been looked at yet'));
  }

  problems(): Fault[] {
    if (this.#reportedAt === -Infinity) return [];
    if (this.#clock.now() - this.#reportedAt >= FRESH_MS)
      return [faultOf(PAGE, `has not been looked at for ${FRESH_MS / 1000} s`)];
    return [...this.#checks].flatMap(([name, problem]) => (problem === null ? [] : [faultOf(name, problem)]));
  }
}

function faultOf(name: string, problem: string): Fault {
  const of = name.startsWith(HEALTH_OF) ? name.slice(HEALTH_OF.length) : 'web';
  return { reason: `${name.startsWith(PAGE) ? `the ${name}` : name}: ${problem}`, of };
}
