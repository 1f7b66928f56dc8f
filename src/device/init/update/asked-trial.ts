// A trial that was asked for, with how things are now, for comparison.

import { randomBytes } from 'node:crypto';
import type { TrialRequest } from '../../../shared/update/update-state.ts';
import type { Device } from '../device/device.ts';
import { readNetworkQuality } from './network-quality.ts';
import type { PendingTrial } from './trial/pending-trial.ts';
import { unwellServices } from './unwell-before.ts';

export function askedTrial(device: Device, request: TrialRequest): PendingTrial {
  const { sys, supervisor, config } = device;
  const bootId = device.bootRecord().id;
  const { unchangedApps: _unchanged, unhealthyApps: _unhealthy, ...asked } = request;
  const services = supervisor.list();
  const waiting = services.filter((service) => service.state === 'waiting');
  return {
    ...asked,
    id: makeTrialId(),
    fromBuildId: config.buildId,
    askedAtMs: Date.now(),
    askedBootId: bootId,
    before: {
      network: readNetworkQuality(sys),
      waiting: waiting.map(({ spec }) => spec.name),
      unwell: unwellServices(services, request, Date.now()),
    },
    startedBootId: request.mode === 'live' ? bootId : null,
    ending: null,
    isSecondTry: false,
    returns: 0,
  };
}

export function makeTrialId(): string {
  return randomBytes(8).toString('hex');
}
