// Which services are not well at the moment when a trial is asked for. An update that leaves such a service as it is does
// not answer for it: it may go on as it was.

import type { TrialRequest } from '../../../shared/update/update-state.ts';
import type { ServiceStatus } from '../../../shared/services/services.ts';
import { TRIAL_STABLE_MS } from '../../../shared/update/update-state.ts';
import { describeExit } from '../supervisor/restart-policy.ts';
import type { Service } from '../supervisor/service.ts';
import type { UnwellService } from './trial/health-before.ts';
import { describeCrash, hasCrashed } from './service-watch.ts';

export function unwellServices(
  services: readonly Service[],
  { unchangedApps = [], unhealthyApps = [] }: TrialRequest,
  nowMs: number,
): UnwellService[] {
  return services.flatMap((service) => {
    const { name } = service.spec;
    const isUnhealthy = unhealthyApps.includes(name);
    const why = whyUnwell(service, nowMs) ?? (isUnhealthy ? 'did not answer as a healthy one' : null);
    return why === null ? [] : [{ name, why, isExcused: unchangedApps.includes(name) }];
  });
}

/** null: it is well. One that should not run is. */
function whyUnwell(service: Service, nowMs: number): string | null {
  if (!service.spec.autostart) return null;
  const status = service.status();
  if (hasCrashed(status)) return describeCrash(status);
  switch (status.state) {
    case 'running':
      return hasJustCrashed(status, nowMs);
    case 'stopped':
      // One that has ended by itself, and well, has done what it should.
      return service.isWanted ? null : 'was stopped';
    case 'starting':
      return hasJustCrashed(status, nowMs) ?? 'was not ready';
    case 'waiting':
      return status.reason ?? 'waited';
    default:
      return null;
  }
}

/** Between two crashes it runs, too. SIGTERM is how a person's restart ends it. */
function hasJustCrashed({ lastExit, startedAtMs }: ServiceStatus, nowMs: number): string | null {
  if (lastExit === null || lastExit.code === 0 || lastExit.signal === 'SIGTERM') return null;
  const hasRunMs = nowMs - (startedAtMs ?? nowMs);
  return hasRunMs < TRIAL_STABLE_MS ? describeExit(lastExit) : null;
}
