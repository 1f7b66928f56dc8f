// Whether what is on trial is well (docs/supervision.md): services, page, health URLs, network and /perm together.

import { LOG_OF_INIT } from '../../../shared/api/init-api.ts';
import type { TrialCheck } from '../../../shared/update/update-state.ts';
import type { Device } from '../device.ts';
import type { TrialClock } from './trial-clock.ts';
import type { Fault } from './fault.ts';
import type { HealthBefore } from './health-before.ts';
import { describeLoss, type NetworkQuality, readNetworkQuality } from './network-quality.ts';
import { ReportedChecks } from './reported-checks.ts';
import { ServiceWatch } from './service-watch.ts';

/** How long a problem may last when all services run: addresses and the first answers take their time. */
const PROBLEM_LIMIT_MS = 60_000;

export interface HealthReport {
  /** What is not (yet) as it should be, a sentence each; none: healthy. */
  waitsFor: readonly string[];
  /** What is not well, was not well before, and is as it was: it does not decide. */
  excused: readonly string[];
  /** Whose log tells most of that. */
  of: string;
  /** There is no point in waiting any longer. */
  fault: Fault | null;
}

export class TrialHealth {
  readonly #device: Device;
  readonly #clock: TrialClock;
  readonly #services: ServiceWatch;
  readonly #checks: ReportedChecks;
  #networkBefore: NetworkQuality = { ipv4: false, ipv6: false };
  #troubleSince: number | null = null;

  constructor(device: Device, clock: TrialClock) {
    this.#device = device;
    this.#clock = clock;
    this.#services = new ServiceWatch(device.supervisor, clock);
    this.#checks = new ReportedChecks(clock);
  }

  compareWith(before: HealthBefore): void {
    this.#networkBefore = before.network;
    this.#services.compareWith(before);
  }

  takeChecks(checks: readonly TrialCheck[]): void {
    this.#checks.take(checks);
  }

  look(): HealthReport {
    const services = this.#services.look();
    const [troubles, excused] = this.#troubles();
    return {
      waitsFor: [...services.problems, ...troubles.map(({ reason }) => reason)],
      excused: [...services.excused, ...excused],
      of: services.of ?? troubles[0]?.of ?? LOG_OF_INIT,
      fault: this.#services.fault ?? this.#lastingTrouble(troubles),
    };
  }

  close(): void {
    this.#services.close();
  }

  /** All but services; and what is excused of it. */
  #troubles(): [Fault[], string[]] {
    const { sys, supervisor } = this.#device;
    // Web asks those that run; whether the others have to is not for their health URL to say.
    const apps = supervisor
      .list()
      .filter(({ spec, state }) => spec.autostart && spec.health !== undefined && state === 'running')
      .map(({ spec }) => spec.name);
    const loss = describeLoss(this.#networkBefore, readNetworkQuality(sys));
    const { excused = [], decisive = [] } = Object.groupBy(this.#checks.problems(apps), ({ of }) =>
      this.#services.isExcused(of) ? 'excused' : 'decisive',
    );
    const troubles = [
      ...this.#permTrouble(),
      ...(loss === null ? [] : [{ reason: loss, of: 'net' }]),
      ...decisive,
    ];
    return [troubles, excused.map(({ reason }) => reason)];
  }

  #permTrouble(): Fault[] {
    const { perm } = this.#device;
    if (perm.state === 'pending') return [{ reason: '/perm is still being prepared', of: LOG_OF_INIT }];
    if (!this.#device.isPermLost) return [];
    return [{ reason: `/perm cannot be used: ${perm.note ?? 'unknown'}`, of: LOG_OF_INIT }];
  }

  #lastingTrouble([first]: readonly Fault[]): Fault | null {
    if (first === undefined || this.#device.perm.state === 'pending' || !this.#services.areUp()) {
      this.#troubleSince = null;
      return null;
    }
    const now = this.#clock.now();
    this.#troubleSince ??= now;
    return now - this.#troubleSince < PROBLEM_LIMIT_MS ? null : first;
  }
}
