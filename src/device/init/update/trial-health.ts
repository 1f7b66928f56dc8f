// Whether what is on trial is well (docs/supervision.md): services, page, health URLs, network and /perm together.

import { LOG_OF_INIT } from '../../../shared/api/init-api.ts';
import type { TrialCheck } from '../../../shared/update/update-state.ts';
import type { Device } from '../device/device.ts';
import type { TrialClock } from './trial-clock.ts';
import type { Fault, HealthReport } from './trial/health-report.ts';
import type { HealthBefore, NetworkQuality } from './trial/health-before.ts';
import { describeLoss, readNetworkQuality } from './network-quality.ts';
import { ReportedChecks } from './reported-checks.ts';
import { ServiceWatch } from './service-watch.ts';

/** How long a problem may last when all services run: addresses and the first answers take their time. */
const PROBLEM_LIMIT_MS = 60_000;

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
    const isExcused = ({ of }: Fault): boolean => this.#services.isExcused(of);
    const reported = this.#checks.problems();
    const unseen = this.#checks.unseen(this.#appsToSee());
    const troubles = [...this.#troublesOfDevice(), ...reported.filter((fault) => !isExcused(fault))];
    const waitsFor = [...troubles, ...unseen.filter((fault) => !isExcused(fault))];
    const excused = [...reported, ...unseen].filter(isExcused);
    return {
      waitsFor: [...services.problems, ...waitsFor.map(({ reason }) => reason)],
      excused: [...services.excused, ...excused.map(({ reason }) => reason)],
      of: services.of ?? waitsFor[0]?.of ?? LOG_OF_INIT,
      // A computer that is too busy to look is slow, not ill: what was not seen yet has all the time of the trial.
      fault: this.#services.fault ?? this.#lastingTrouble(troubles),
    };
  }

  close(): void {
    this.#services.close();
  }

  /** Web asks those that run; whether the others have to is not for their health URL to say. */
  #appsToSee(): string[] {
    return this.#device.supervisor
      .list()
      .filter(({ spec, state }) => spec.autostart && spec.health !== undefined && state === 'running')
      .map(({ spec }) => spec.name);
  }

  #troublesOfDevice(): Fault[] {
    const loss = describeLoss(this.#networkBefore, readNetworkQuality(this.#device.sys));
    return [...this.#permTrouble(), ...(loss === null ? [] : [{ reason: loss, of: 'net' }])];
  }

  #permTrouble(): Fault[] {
    const { perm } = this.#device;
    if (perm.state === 'pending') return [{ reason: '/perm is still being prepared', of: LOG_OF_INIT }];
    if (!this.#device.isPermLost) return [];
    return [{ reason: `/perm cannot be used: ${perm.note ?? 'unknown'}`, of: LOG_OF_INIT }];
  }

  /** All of them in one sentence: who mends an image wants to know the second one before the next trial has failed of it. */
  #lastingTrouble(troubles: readonly Fault[]): Fault | null {
    const [first] = troubles;
    if (first === undefined || this.#device.perm.state === 'pending' || !this.#services.areUp()) {
      this.#troubleSince = null;
      return null;
    }
    const now = this.#clock.now();
    this.#troubleSince ??= now;
    if (now - this.#troubleSince < PROBLEM_LIMIT_MS) return null;
    return { ...first, reason: troubles.map(({ reason }) => reason).join('; ') };
  }
}
