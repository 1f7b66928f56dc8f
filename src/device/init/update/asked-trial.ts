// A trial that was asked for, or that goes on without anybody knowing who asked for it.

import { randomBytes } from 'node:crypto';
import type { Slot } from '../../../shared/board/slots.ts';
import type { Trial, TrialRequest, UpdateState } from '../../../shared/update/update-state.ts';
import type { Device } from '../device.ts';
import { readNetworkQuality } from './network-quality.ts';
import type { PendingTrial } from './trial-memory.ts';

/** null: it may be tried. */
export function whyNotTry(
  { slot, mode }: TrialRequest,
  { running, committed, trial, trialStart }: UpdateState,
): string | null {
  if (trial !== null) return 'a trial is going on';
  if (running === null || committed === null) return 'it is not known which slot the boot loader starts';
  // After a live switch the way back is a restart into the slot that it still runs from.
  if (slot === running && (slot === committed || mode === 'live')) return 'the device runs from it';
  // After a live switch.
  if (slot === committed) return 'it is what the device starts from; restart the device instead';
  if (mode === 'reboot' && trialStart === null) return 'the boot loader of this device cannot try anything';
  return null;
}

/** With how things are now, for comparison. */
export function askedTrial(device: Device, request: TrialRequest): PendingTrial {
  const { changedApps: _apps, ...asked } = request;
  const { sys, supervisor, config } = device;
  const bootId = device.bootRecord().id;
  const waiting = supervisor.list().filter((service) => service.state === 'waiting');
  return {
    ...asked,
    id: makeTrialId(),
    fromBuildId: config.buildId,
    askedAtMs: Date.now(),
    askedBootId: bootId,
    before: { network: readNetworkQuality(sys), waiting: waiting.map(({ spec }) => spec.name) },
    startedBootId: request.mode === 'live' ? bootId : null,
    ending: null,
    isSecondTry: false,
    returns: 0,
  };
}

/** Somebody has to say that it is well. */
export function unknownTrial(device: Device, slot: Slot): PendingTrial {
  return {
    id: makeTrialId(),
    slot,
    buildId: device.config.buildId,
    mode: 'reboot',
    confirmBy: 'client',
    who: 'unknown',
    fromBuildId: 'unknown',
    askedAtMs: Date.now(),
    askedBootId: '',
    before: { network: { ipv4: false, ipv6: false }, waiting: [] },
    startedBootId: null,
    ending: null,
    isSecondTry: false,
    returns: 0,
  };
}

export function viewTrial(
  { id, slot, buildId, mode, confirmBy, who, fromBuildId }: PendingTrial,
  progress: { startedAtMs: number; limitMs: number; waitsFor: readonly string[] },
): Trial {
  const { startedAtMs, limitMs, waitsFor } = progress;
  const deadlineAtMs = startedAtMs + limitMs;
  return { id, slot, buildId, mode, confirmBy, who, fromBuildId, startedAtMs, deadlineAtMs, waitsFor };
}

function makeTrialId(): string {
  return randomBytes(8).toString('hex');
}
