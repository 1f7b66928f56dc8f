// A trial of an update as a pure state machine: from the start of the device to its rest or its way down. It is given
// events and returns what is to be done; time comes with the events. The boot loader, /perm, services and the way
// down are in ../trials.ts. The table is what the machine goes by: an event that has no row in a state is of no
// consequence there (whoever asks is refused), and docs/updates.md shows the same table (machine.slow.test.ts).

import type { RefusalCode } from '../../../../shared/api/refusals.ts';
import type { Slot } from '../../../../shared/board/slots.ts';
import { shortBuildId } from '../../../../shared/manifest/short-build-id.ts';
import type { UpdateState } from '../../../../shared/update/update-state.ts';
import type { HealthReport } from './health-report.ts';
import {
  cannotConfirm,
  commit,
  endBadly,
  giveUpTakingBack,
  onNotSupervised,
  onNotWritten,
  onRead,
  onSwitchedBack,
  onWritten,
  rollBack,
} from './end.ts';
import { type PendingTrial, unknownTrial } from './pending-trial.ts';
import { FORGOTTEN, onNoted, onRecalled } from './recall.ts';
import {
  isRolledBack,
  type RunningTrial,
  restartsInto,
  type TrialEnvironment,
  type TrialEffect,
  type TrialEvent,
  type TrialMachine,
  type TrialRefusal,
  type TrialStateName,
  whatIsMissing,
} from './state.ts';
import { answer, arm, begin, didNotStart, leave, note, refuse, say, type Turn } from './turn.ts';

interface StateRow {
  /** The device ... */
  means: string;
  /** Which events count, and where they lead. */
  on: Partial<Record<TrialEvent['type'], readonly TrialStateName[]>>;
}

const ENDS_BADLY = ['taking back', 'switching back', 'leaving'] as const;

export const TRIAL_TABLE: Readonly<Record<TrialStateName, StateRow>> = {
  starting: {
    means: 'does not know yet what was going on before this start',
    on: {
      opened: ['starting', 'trying'],
      recalled: ['resting', 'noting'],
      'going down': ['leaving'],
    },
  },
  resting: {
    means: 'tries nothing',
    on: {
      asked: ['resting', 'arming', 'trying'],
      written: ['resting'],
      'not written': ['resting'],
      'going down': ['leaving'],
    },
  },
  noting: {
    means: 'writes down what must not be done twice, before it does that',
    on: { noted: ['arming', 'trying', 'resting'] },
  },
  arming: {
    means: 'has the boot loader start the other slot next time, and only then',
    on: { armed: ['armed', 'leaving'], 'not armed': ['resting'], 'going down': ['leaving'] },
  },
  armed: {
    means: 'restarts as soon as whoever asked for the trial knows that it begins',
    on: { answered: ['leaving'], 'going down': ['leaving'] },
  },
  trying: {
    means: 'runs the new build, and looks whether all is well',
    on: {
      recalled: ['trying'],
      answered: ['trying'],
      look: ['trying', 'committing', ...ENDS_BADLY],
      confirm: ['trying', 'committing'],
      'roll back': ENDS_BADLY,
      switched: ['trying'],
      'not switched': ['switching back'],
      'not supervised': ['leaving'],
      'going down': ['leaving'],
    },
  },
  committing: {
    means: 'writes the one sector that makes the new build the one that starts from now on',
    on: {
      read: ['committing'],
      written: ['resting'],
      'not written': ['trying'],
      confirm: ['committing'],
      look: ['committing', 'switching back', 'leaving'],
      'going down': ['leaving'],
    },
  },
  'taking back': {
    means: 'sees to it that a commit which failed does not come true after all',
    on: {
      written: ['switching back', 'leaving'],
      'not written': ['switching back', 'leaving'],
      look: ['taking back', 'switching back', 'leaving'],
      'going down': ['leaving'],
    },
  },
  'switching back': {
    means: 'starts the apps of the old build again (after a live switch)',
    on: {
      written: ['switching back'],
      'not written': ['switching back'],
      look: ['switching back', 'leaving'],
      'switched back': ['resting'],
      'not switched back': ['leaving'],
      'going down': ['leaving'],
    },
  },
  leaving: {
    means: 'goes down: into a trial, back to the old build, or because somebody wants it',
    on: {
      recalled: ['leaving'],
      armed: ['leaving'],
      'not armed': ['leaving'],
      written: ['leaving'],
      'not written': ['leaving'],
    },
  },
};

const COMMIT_AGAIN_AFTER_MS = 5000;
/** One sector. A disk that takes longer is taken for dead, but not before the trial's time is up. */
const COMMIT_LIMIT_MS = 30_000;
/** On a disk that may be dying; the device goes back to its old slot meanwhile. */
const TAKE_BACK_LIMIT_MS = 10_000;
const NO_ANSWER_OF_DISK = 'the boot loader cannot be told: the disk does not answer';
const SHUTTING_DOWN: TrialRefusal = { code: 'shutting-down', message: 'The device is shutting down' };

export function stepTrial(
  machine: TrialMachine,
  event: TrialEvent,
  env: TrialEnvironment,
): { machine: TrialMachine; effects: TrialEffect[] } {
  const turn: Turn = { machine: { ...machine }, effects: [], env };
  if (event.type in TRIAL_TABLE[machine.phase.name].on) take(turn, event);
  else refuseOutOfPlace(turn, event);
  return turn;
}

function take(turn: Turn, event: TrialEvent): void {
  switch (event.type) {
    case 'opened':
      return onOpened(turn, event.committed);
    case 'recalled':
      return onRecalled(turn, event.pending, event.evidence);
    case 'asked':
      return onAsked(turn, event);
    case 'noted':
      return onNoted(turn, event.isKept);
    case 'armed':
    case 'not armed':
      return onArming(turn, event.type === 'armed' ? null : event.problem);
    case 'answered':
      return onAnswered(turn);
    case 'look':
      return onLook(turn, event.report);
    case 'confirm':
      return onConfirm(turn, event);
    case 'roll back':
      return rollBack(turn, `rolled back by ${event.who}`);
    case 'switched':
      return onSwitched(turn);
    case 'not switched':
      return rollBack(turn, `apps were not switched: ${event.problem}`);
    case 'not supervised':
      return onNotSupervised(turn, event.problem);
    case 'read':
      return onRead(turn, event.committed);
    case 'written':
      return onWritten(turn, event.slot);
    case 'not written':
      return onNotWritten(turn, event);
    case 'switched back':
    case 'not switched back':
      return onSwitchedBack(turn, event.type === 'switched back' ? null : event.problem);
    case 'going down':
      return onGoingDown(turn, event.why);
  }
}

function refuseOutOfPlace(turn: Turn, event: TrialEvent): void {
  const { name } = turn.machine.phase;
  if (event.type === 'asked') {
    if (name === 'leaving') refuse(turn, SHUTTING_DOWN);
    else if (name !== 'starting')
      refuse(turn, cannotTry('trial-going-on', event.pending, 'a trial is going on'));
    else refuse(turn, cannotTry('still-starting', event.pending, 'the device is still starting'));
  } else if (event.type === 'roll back' && name === 'committing') {
    refuse(turn, { code: 'trial-ending', message: 'The trial is being confirmed right now' });
  } else if (event.type === 'confirm' || event.type === 'roll back') {
    refuse(turn, { code: 'no-trial', message: 'No trial is going on' });
  }
}

function onOpened(turn: Turn, committed: Slot | null): void {
  const { machine, env } = turn;
  const { slot, buildId } = machine.start;
  machine.loader = { ...machine.loader, committed };
  if (slot === null || committed === null || slot === committed) return;
  begin(turn, unknownTrial({ id: env.makeId(), slot, buildId, nowMs: env.dateMs }));
}

function onAsked(turn: Turn, { pending, trialStart }: TrialEvent & { type: 'asked' }): void {
  const problem = whyNotTry(pending, turn.machine, trialStart);
  if (problem !== null) return refuse(turn, cannotTry('cannot-try', pending, problem));
  note(turn, pending);
  if (pending.mode === 'reboot') return arm(turn, pending);
  begin(turn, pending);
  answer(turn, 'asker', null);
}

function onArming(turn: Turn, problem: string | null): void {
  const { machine } = turn;
  const { phase } = machine;
  if (phase.name === 'arming') {
    const { pending } = phase;
    if (problem !== null) {
      machine.phase = { name: 'resting' };
      doNotTry(turn, pending, {
        code: 'failed',
        message: `Cannot ask for a start of slot ${pending.slot}: ${problem}`,
      });
    } else if (pending.isSecondTry) {
      restartIntoTrial(turn, pending);
    } else {
      machine.phase = { name: 'armed', pending };
      answer(turn, 'asker', null);
    }
  } else if (phase.name === 'leaving' && phase.awaits === 'arming' && phase.pending !== null) {
    machine.phase = { ...phase, pending: null, awaits: null };
    if (problem === null) turn.effects.push({ type: 'disarm' });
    doNotTry(turn, phase.pending, SHUTTING_DOWN);
  }
}

function doNotTry(turn: Turn, pending: PendingTrial, refusal: TrialRefusal): void {
  if (pending.isSecondTry) return didNotStart(turn, pending, `${FORGOTTEN}, and ${refusal.message}`);
  note(turn, null);
  answer(turn, 'asker', refusal);
}

function onAnswered(turn: Turn): void {
  const { phase } = turn.machine;
  if (phase.name === 'armed') restartIntoTrial(turn, phase.pending);
  else if (phase.name === 'trying' && phase.trial.pending.mode === 'live')
    turn.effects.push({ type: 'switch apps', pending: phase.trial.pending });
}

function restartIntoTrial(turn: Turn, pending: PendingTrial): void {
  const { slot, buildId, who } = pending;
  leave(turn, { pending, because: restartsInto(pending) });
  const why = `trial of slot ${slot}, build ${shortBuildId(buildId)}, asked for by ${who}`;
  turn.effects.push({ type: 'restart', into: 'trial', why });
}

function onLook(turn: Turn, report: HealthReport | null): void {
  const { machine, env } = turn;
  const { phase } = machine;
  if (phase.name === 'trying') return onReport(turn, phase.trial, report);
  const lastsMs = 'sinceMs' in phase ? env.nowMs - phase.sinceMs : 0;
  if (phase.name === 'committing') {
    if (isLate(turn, phase.trial) && lastsMs >= COMMIT_LIMIT_MS) rollBack(turn, NO_ANSWER_OF_DISK);
  } else if (phase.name === 'taking back') {
    if (lastsMs >= TAKE_BACK_LIMIT_MS) giveUpTakingBack(turn, 'the disk does not answer');
  } else if (lastsMs >= env.stopLimitMs) {
    onSwitchedBack(turn, `they have not stopped within ${env.stopLimitMs / 1000} s`);
  }
}

function onReport(turn: Turn, before: RunningTrial, report: HealthReport | null): void {
  const { machine } = turn;
  const trial = { ...before, report: report ?? before.report };
  const isWell = whatIsMissing(trial, trial.report).length === 0;
  if (isWell && whatIsMissing(before, before.report).length > 0) say(turn, 'trial: all is well');
  machine.phase = { name: 'trying', trial };
  // What is excused is known only when it is known what was asked for.
  const fault = machine.isRecalled ? (trial.report?.fault ?? null) : null;
  if (fault !== null) rollBack(turn, fault.reason, fault.of);
  else if (isLate(turn, trial)) rollBackLate(turn, trial);
  else if (isWell) commitIfDue(turn, trial);
}

function commitIfDue(turn: Turn, trial: RunningTrial): void {
  const { machine, env } = turn;
  const by = trial.confirmedBy ?? (trial.pending.confirmBy === 'device' ? 'the device' : null);
  const isDue = env.nowMs - trial.commitFailedMs >= COMMIT_AGAIN_AFTER_MS;
  if (by !== null && isDue && machine.isRecalled) commit(turn, trial, by);
}

function isLate({ machine, env }: Turn, { startedMs }: RunningTrial): boolean {
  return env.nowMs - startedMs >= machine.start.trialLimitMs;
}

function rollBackLate(turn: Turn, trial: RunningTrial): void {
  const limit = describeLimit(turn.machine.start.trialLimitMs);
  const missing = whatIsMissing(trial, trial.report);
  if (trial.commitProblem !== null) rollBack(turn, trial.commitProblem);
  else if (missing.length > 0)
    rollBack(turn, `it was not well within ${limit}: ${missing.join('; ')}`, trial.report?.of);
  else rollBack(turn, `nobody confirmed within ${limit}: the client was not heard again`);
}

function onSwitched(turn: Turn): void {
  const { phase } = turn.machine;
  if (phase.name === 'trying')
    turn.machine.phase = { name: 'trying', trial: { ...phase.trial, isSwitched: true } };
}

function onConfirm(turn: Turn, { buildId, who, report }: TrialEvent & { type: 'confirm' }): void {
  const { phase, isRecalled } = turn.machine;
  if (phase.name !== 'trying' && phase.name !== 'committing') return;
  const { trial } = phase;
  const ofTrial = trial.pending.buildId;
  if (ofTrial !== buildId) {
    const message = `Build ${shortBuildId(ofTrial)} is on trial, not ${shortBuildId(buildId)}`;
    return refuse(turn, { code: 'no-trial', message });
  }
  // Who may confirm it is not known before.
  const waitsFor = isRecalled ? whatIsMissing(trial, report) : ['the device is still starting'];
  if (waitsFor.length > 0)
    refuse(turn, { code: 'trial-unwell', message: cannotConfirm(waitsFor.join('; ')), waitsFor });
  else if (phase.name === 'trying') commit(turn, { ...trial, report, confirmedBy: who }, who);
}

function onGoingDown(turn: Turn, why: string): void {
  const { phase } = turn.machine;
  const because = 'the device goes down';
  switch (phase.name) {
    case 'arming':
    case 'armed':
      return leave(turn, {
        pending: phase.pending,
        because,
        awaits: phase.name === 'arming' ? 'arming' : null,
      });
    case 'trying':
    case 'committing': {
      const trial = endBadly(turn, phase.trial, `it was restarted during the trial: ${why}`, null);
      return leave(turn, { ...trial, because, awaits: phase.name === 'committing' ? 'commit' : null });
    }
    case 'taking back':
    case 'switching back':
      return leave(turn, { ...phase.trial, because: isRolledBack(phase.reason) });
    default:
      return leave(turn, { because });
  }
}

/** null: it may be tried. */
function whyNotTry(
  { slot, mode }: PendingTrial,
  { start, loader: { committed } }: TrialMachine,
  trialStart: UpdateState['trialStart'],
): string | null {
  const running = start.slot;
  if (running === null || committed === null) return 'it is not known which slot the boot loader starts';
  // After a live switch the way back is a restart into the slot that it still runs from.
  if (slot === running && (slot === committed || mode === 'live')) return 'the device runs from it';
  // After a live switch.
  if (slot === committed) return 'it is what the device starts from; restart the device instead';
  if (mode === 'reboot' && trialStart === null) return 'the boot loader of this device cannot try anything';
  return null;
}

function cannotTry(code: RefusalCode, { buildId, slot }: PendingTrial, problem: string): TrialRefusal {
  return { code, message: `Cannot try build ${shortBuildId(buildId)} in slot ${slot}: ${problem}` };
}

function describeLimit(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds % 60 === 0 && seconds > 60 ? `${seconds / 60} minutes` : `${seconds} s`;
}
