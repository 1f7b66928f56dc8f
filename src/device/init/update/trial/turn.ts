// A machine of trials that is being changed by one event (machine.ts), and the small acts that its parts share.

import { shortBuildId } from '../../../../shared/manifest/short-build-id.ts';
import type { UpdateOutcome } from '../../../../shared/update/update-state.ts';
import { makeEnding, type PendingTrial, type TrialEnding, type TrialOutcome } from './pending-trial.ts';
import type { TrialEffect, TrialEnvironment, TrialMachine, TrialPhase, TrialRefusal } from './state.ts';

export interface Turn {
  machine: { -readonly [Key in keyof TrialMachine]: TrialMachine[Key] };
  effects: TrialEffect[];
  env: TrialEnvironment;
}

export function begin(turn: Turn, pending: PendingTrial): void {
  const { machine, env, effects } = turn;
  const { slot, buildId, before } = pending;
  const limit = `${machine.start.trialLimitMs / 1000} s`;
  say(turn, `trial of slot ${slot}, build ${shortBuildId(buildId)}, for at most ${limit}`);
  machine.phase = {
    name: 'trying',
    trial: {
      pending,
      startedMs: env.nowMs,
      isSwitched: pending.mode === 'reboot',
      report: null,
      confirmedBy: null,
      commitProblem: null,
      commitFailedMs: -Infinity,
    },
  };
  effects.push({ type: 'supervise', before });
}

export function arm(turn: Turn, pending: PendingTrial): void {
  turn.machine.phase = { name: 'arming', pending };
  turn.effects.push({ type: 'arm', slot: pending.slot });
}

type Leaving = TrialPhase & { name: 'leaving' };

/** The device goes down. */
export function leave(
  turn: Turn,
  { because, pending = null, startedMs = null, awaits = null }: Partial<Leaving> & { because: string },
): void {
  turn.machine.phase = { name: 'leaving', pending, startedMs, because, awaits };
}

/** Into the history. */
export function record(
  turn: Turn,
  pending: PendingTrial,
  outcome: UpdateOutcome,
  ending: TrialEnding & Pick<TrialOutcome, 'stillUnwell'>,
): void {
  const bootId = outcome === 'did not start' ? null : pending.startedBootId;
  turn.effects.push({ type: 'record', pending, outcome: { outcome, bootId, ...ending } });
}

export function didNotStart(turn: Turn, pending: PendingTrial, reason: string): void {
  record(turn, pending, 'did not start', makeEnding(reason, turn.env.dateMs));
}

export function note(turn: Turn, pending: PendingTrial | null): void {
  turn.effects.push({ type: 'note', pending });
}

export function say(turn: Turn, text: string): void {
  turn.effects.push({ type: 'say', text });
}

/** Whoever sent the event. */
export function refuse(turn: Turn, refusal: TrialRefusal): void {
  turn.effects.push({ type: 'refuse', refusal });
}

/** Whoever waits since an earlier event. */
export function answer(turn: Turn, to: 'asker' | 'confirmers', refusal: TrialRefusal | null): void {
  turn.effects.push({ type: 'answer', to, refusal });
}
