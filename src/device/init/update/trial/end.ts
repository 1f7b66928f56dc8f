// The part of the machine that ends a trial: the one write that makes a build last, or the way back. A commit that
// was begun and failed may have reached the medium: when its trial is rolled back it is taken back, also when the disk
// answers only later.

import { LOG_OF_INIT } from '../../../../shared/api/init-api.ts';
import type { Slot } from '../../../../shared/board/slots.ts';
import { shortBuildId } from '../../../../shared/manifest/short-build-id.ts';
import { makeEnding, type PendingTrial } from './pending-trial.ts';
import { isRolledBack, type RunningTrial, type TrialEvent } from './state.ts';
import { answer, leave, note, record, say, type Turn } from './turn.ts';

export function commit(turn: Turn, trial: RunningTrial, by: string): void {
  const { machine, env } = turn;
  const before = machine.loader.before ?? machine.loader.committed;
  machine.loader = { ...machine.loader, before };
  machine.phase = { name: 'committing', trial, by, sinceMs: env.nowMs };
  write(turn, trial.pending.slot);
}

function write(turn: Turn, slot: Slot): void {
  const { machine } = turn;
  machine.loader = { ...machine.loader, isWriting: true };
  turn.effects.push({ type: 'commit', slot, isUnread: machine.loader.before === null });
}

export function onRead(turn: Turn, committed: Slot): void {
  const { machine } = turn;
  const { phase, loader } = machine;
  // Where it is this slot already, there is nothing to take back to.
  const isOther = phase.name === 'committing' && committed !== phase.trial.pending.slot;
  machine.loader = { ...loader, before: isOther ? committed : null };
}

export function onWritten(turn: Turn, slot: Slot): void {
  const { machine } = turn;
  const { phase, loader } = machine;
  machine.loader = { ...loader, committed: slot, isWriting: false };
  if (phase.name === 'committing') {
    confirmed(turn, phase.trial.pending, phase.by, phase.trial.report?.excused);
  } else if (phase.name === 'leaving' && phase.awaits === 'commit' && phase.pending !== null) {
    // Somebody has asked for a restart while the commit was being written. The commit is on the disk now, so that the new
    // build is what starts.
    confirmed(turn, phase.pending, phase.pending.who);
    machine.phase = { ...phase, pending: null, awaits: null };
  } else {
    settleLoader(turn);
    if (phase.name === 'taking back') goBack(turn, phase.trial, phase.reason);
  }
}

function confirmed(turn: Turn, pending: PendingTrial, by: string, excused: readonly string[] = []): void {
  const { machine, env, effects } = turn;
  machine.loader = { ...machine.loader, before: null };
  machine.phase = { name: 'resting' };
  say(turn, `trial: confirmed by ${by}: slot ${pending.slot} is what starts from now on`);
  effects.push({ type: 'stop supervising' }, { type: 'keep logs safe', isOn: false });
  if (pending.mode === 'live') effects.push({ type: 'keep apps' });
  const stillUnwell = excused.length === 0 ? {} : { stillUnwell: excused };
  record(turn, pending, 'confirmed', { ...makeEnding(null, env.dateMs), ...stillUnwell });
  answer(turn, 'confirmers', null);
}

export function onNotWritten(turn: Turn, failed: TrialEvent & { type: 'not written' }): void {
  const { machine, env } = turn;
  const { phase, loader } = machine;
  machine.loader = { ...loader, committed: failed.committed, isWriting: false };
  if (phase.name === 'committing') {
    const commitProblem = `the boot loader cannot be told: ${failed.problem}`;
    say(turn, `trial: ${commitProblem}`);
    answer(turn, 'confirmers', { code: 'failed', message: cannotConfirm(commitProblem) });
    machine.phase = { name: 'trying', trial: { ...phase.trial, commitProblem, commitFailedMs: env.nowMs } };
  } else if (phase.name === 'leaving' && phase.awaits === 'commit') {
    // The next start sees by the disk what came of it.
    answer(turn, 'confirmers', { code: 'failed', message: cannotConfirm(phase.because) });
    machine.phase = { ...phase, awaits: null };
  } else if (phase.name === 'taking back') {
    giveUpTakingBack(turn, failed.problem);
  } else if (failed.slot === loader.before) {
    sayUnsure(turn, failed.problem);
    machine.loader = { ...machine.loader, before: null };
  } else {
    settleLoader(turn);
  }
}

/** The trial does not go on, and whatever of it may have become lasting is undone. */
export function rollBack(turn: Turn, reason: string, of = LOG_OF_INIT): void {
  const { machine, env } = turn;
  const { phase, loader } = machine;
  if (phase.name !== 'trying' && phase.name !== 'committing') return;
  say(turn, `trial: rolled back: ${reason}`);
  const trial = endBadly(turn, phase.trial, reason, of);
  if (phase.name === 'committing')
    answer(turn, 'confirmers', { code: 'failed', message: cannotConfirm(reason) });
  if (loader.before === null) return goBack(turn, trial, reason);
  machine.loader = { ...loader, committed: null };
  // The disk has not answered yet whether the commit is written: `onWritten` and `onNotWritten` undo it when it has.
  if (loader.isWriting) return goBack(turn, trial, reason);
  machine.phase = { name: 'taking back', trial, reason, sinceMs: env.nowMs };
  write(turn, loader.before);
}

/** Without the way back that takes time: what would see to that it ends does not work. */
export function onNotSupervised(turn: Turn, problem: string): void {
  const { phase } = turn.machine;
  if (phase.name !== 'trying') return;
  const why = `the trial cannot be supervised: ${problem}`;
  restartIntoCommitted(turn, endBadly(turn, phase.trial, why, LOG_OF_INIT), why, why);
}

/** `of`: whose last lines tell more; null: nobody's. */
export function endBadly(turn: Turn, trial: RunningTrial, reason: string, of: string | null): RunningTrial {
  const { dateMs, lastLines } = turn.env;
  const ending = makeEnding(reason, dateMs, of === null ? undefined : lastLines(of));
  const pending = { ...trial.pending, ending };
  note(turn, pending);
  turn.effects.push({ type: 'stop supervising' });
  return { ...trial, pending };
}

export function giveUpTakingBack(turn: Turn, problem: string): void {
  const { machine } = turn;
  const { phase, loader } = machine;
  if (phase.name !== 'taking back') return;
  sayUnsure(turn, problem);
  if (!loader.isWriting) machine.loader = { ...loader, before: null };
  goBack(turn, phase.trial, phase.reason);
}

function sayUnsure(turn: Turn, problem: string): void {
  say(turn, `It is not sure that slot ${turn.machine.loader.before} is what starts: ${problem}`);
}

/** The disk has answered after the trial was rolled back: once more what was committed before, unless it is that. */
function settleLoader(turn: Turn): void {
  const { machine } = turn;
  const { before, committed } = machine.loader;
  if (before === null || committed === before) {
    machine.loader = { ...machine.loader, before: null };
  } else {
    machine.loader = { ...machine.loader, committed: null };
    write(turn, before);
  }
}

function goBack(turn: Turn, trial: RunningTrial, reason: string): void {
  if (trial.pending.mode === 'live') {
    turn.machine.phase = { name: 'switching back', trial, reason, sinceMs: turn.env.nowMs };
    turn.effects.push({ type: 'switch back' });
  } else {
    restartIntoCommitted(turn, trial, reason, whyBack(trial.pending, reason));
  }
}

/** `problem`: why the apps of before do not run; null: they do. */
export function onSwitchedBack(turn: Turn, problem: string | null): void {
  const { machine, env } = turn;
  const { phase } = machine;
  if (phase.name !== 'switching back') return;
  const { trial, reason } = phase;
  if (problem === null) {
    machine.phase = { name: 'resting' };
    record(turn, trial.pending, 'rolled back', trial.pending.ending ?? makeEnding(reason, env.dateMs));
  } else {
    say(turn, `trial: apps of slot ${machine.start.slot ?? '?'} cannot be started: ${problem}`);
    restartIntoCommitted(turn, trial, reason, whyBack(trial.pending, reason));
  }
}

function restartIntoCommitted(
  turn: Turn,
  { pending, startedMs }: RunningTrial,
  reason: string,
  why: string,
): void {
  leave(turn, { pending, startedMs, because: isRolledBack(reason) });
  turn.effects.push({ type: 'restart', into: 'committed', why });
}

function whyBack({ buildId }: PendingTrial, reason: string): string {
  return `the trial of build ${shortBuildId(buildId)} is rolled back: ${reason}`;
}

export function cannotConfirm(because: string): string {
  return `Cannot confirm the trial: ${because}`;
}
