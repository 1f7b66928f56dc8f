// The part of the machine that knows what was going on before this start: the trial that goes on is identified, one
// that is over is judged, and one that the firmware forgot is started again.

import { shortBuildId } from '../../../../shared/manifest/short-build-id.ts';
import { judgeLastTrial, type TrialEvidence } from './judge-last-trial.ts';
import type { PendingTrial } from './pending-trial.ts';
import type { TrialMachine } from './state.ts';
import { arm, begin, didNotStart, note, say, type Turn } from './turn.ts';

/** So often a device may come up in a slot that it has left; then it has no other, and stays where all is well. */
const MAX_RETURNS = 2;
export const FORGOTTEN = 'the firmware forgot to start it';

/** Whether logs have to be read to know what became of what is remembered. */
export function needsEvidence({ phase, loader }: TrialMachine, pending: PendingTrial | null): boolean {
  return phase.name === 'starting' && loader.committed !== null && pending !== null;
}

export function onRecalled(turn: Turn, pending: PendingTrial | null, evidence: TrialEvidence | null): void {
  const { machine } = turn;
  const { phase, start, loader } = machine;
  machine.isRecalled = true;
  const isThis = pending !== null && pending.slot === start.slot && pending.buildId === start.buildId;
  if (phase.name === 'trying') {
    if (!isThis) settle(turn, pending, evidence);
    const known = identify(turn, phase.trial.pending, isThis ? pending : null);
    machine.phase = { ...phase, trial: { ...phase.trial, pending: known } };
    turn.effects.push({ type: 'compare', before: known.before }, { type: 'keep logs safe', isOn: true });
  } else if (phase.name === 'leaving') {
    if (phase.pending === null) return;
    if (!isThis) settle(turn, pending, evidence);
    machine.phase = { ...phase, pending: identify(turn, phase.pending, isThis ? pending : null) };
  } else if (loader.committed !== null) {
    settle(turn, pending, evidence);
  } else if (isThis && pending.startedBootId === null) {
    // The boot loader cannot be read. This is the first start since this slot was to be tried, so it is that trial, of
    // a build that could not even be confirmed. Only what could be noted counts: not to restart again and again.
    noteFirst(turn, { ...pending, startedBootId: start.bootId });
  } else {
    machine.phase = { name: 'resting' };
  }
}

/** Of a trial that began before it was known who asked for it, and may have ended; `asked`: what is remembered of it. */
function identify(turn: Turn, own: PendingTrial, asked: PendingTrial | null): PendingTrial {
  const known = asked === null ? own : countReturn(turn, asked);
  if (asked !== null)
    say(turn, `trial: ${known.who} asked for it, ${describeConfirmer(known)} has to confirm it`);
  const identified = {
    ...known,
    // Whatever was asked for: the way back from a start is another start.
    mode: 'reboot' as const,
    startedBootId: turn.machine.start.bootId,
    ending: own.ending,
  };
  note(turn, identified);
  return identified;
}

/**
 * A device that cannot start its committed slot any more (its kernel's file is gone, say) comes up here again whenever
 * it goes back. It has to come to rest: if all is well here, this is where it stays.
 */
function countReturn(turn: Turn, pending: PendingTrial): PendingTrial {
  if (pending.ending === null) return pending;
  const returns = pending.returns + 1;
  say(turn, `trial: rolled back, but slot ${pending.slot} started again`);
  return { ...pending, returns, confirmBy: returns < MAX_RETURNS ? pending.confirmBy : 'device' };
}

/** What came of a trial that this start is not. */
function settle(turn: Turn, pending: PendingTrial | null, evidence: TrialEvidence | null): void {
  const { machine, env } = turn;
  machine.phase = { name: 'resting' };
  if (pending === null) return;
  const { start, loader } = machine;
  const outcome = judgeLastTrial({
    pending,
    start,
    committed: loader.committed,
    evidence,
    nowMs: env.dateMs,
  });
  const trial = `trial of build ${shortBuildId(pending.buildId)}`;
  if (outcome === 'forgotten') {
    say(turn, `${trial}: ${FORGOTTEN}, so it is started without the firmware`);
    noteFirst(turn, { ...pending, isSecondTry: true });
  } else {
    say(turn, `${trial}: ${outcome.outcome}${outcome.reason === null ? '' : `: ${outcome.reason}`}`);
    turn.effects.push({ type: 'record', pending, outcome });
  }
}

function noteFirst(turn: Turn, pending: PendingTrial): void {
  turn.machine.phase = { name: 'noting', pending };
  note(turn, pending);
}

export function onNoted(turn: Turn, isKept: boolean): void {
  const { phase, loader } = turn.machine;
  if (phase.name !== 'noting') return;
  const { pending } = phase;
  turn.machine.phase = { name: 'resting' };
  if (loader.committed === null) {
    if (isKept) begin(turn, pending);
  } else if (isKept) {
    arm(turn, pending);
  } else {
    // A trial of which nothing can be noted would be tried again after every start.
    didNotStart(turn, pending, `${FORGOTTEN}, and /perm cannot be written`);
  }
}

function describeConfirmer({ confirmBy }: PendingTrial): string {
  return confirmBy === 'client' ? 'a client' : 'the device itself';
}
