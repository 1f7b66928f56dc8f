// What the machine of trials (trial-machine.ts) remembers, is told and answers; and what follows from its state.

import type { RefusalCode } from '../../../../shared/api/refusals.ts';
import type { Slot } from '../../../../shared/board/slots.ts';
import { type Trial, TRIAL_LIMIT_MS, type UpdateState } from '../../../../shared/update/update-state.ts';
import type { TrialEvidence } from './judge-last-trial.ts';
import { type LastLines, type PendingTrial, type TrialOutcome, viewTrial } from './pending-trial.ts';
import type { HealthReport } from './health-report.ts';

/** A trial that goes on. */
export interface RunningTrial {
  readonly pending: PendingTrial;
  readonly startedMs: number;
  /** Apps come from the new build: always so after a restart, and after a live switch when that is through. */
  readonly isSwitched: boolean;
  /** As of the last look; null: nobody has looked yet. */
  readonly report: HealthReport | null;
  /** Who wants it to last, though the boot loader could not be told yet. */
  readonly confirmedBy: string | null;
  readonly commitProblem: string | null;
  readonly commitFailedMs: number;
}

export type TrialPhase =
  | { readonly name: 'starting' | 'resting' }
  | { readonly name: 'noting' | 'arming' | 'armed'; readonly pending: PendingTrial }
  | { readonly name: 'trying'; readonly trial: RunningTrial }
  | {
      readonly name: 'committing';
      readonly trial: RunningTrial;
      readonly by: string;
      readonly sinceMs: number;
    }
  | {
      readonly name: 'taking back' | 'switching back';
      readonly trial: RunningTrial;
      readonly reason: string;
      readonly sinceMs: number;
    }
  | {
      readonly name: 'leaving';
      readonly pending: PendingTrial | null;
      /** null: the trial has not begun. */
      readonly startedMs: number | null;
      readonly because: string;
      /** What may still be answered, and is of consequence. */
      readonly awaits: 'arming' | 'commit' | null;
    };

type OnTrial = Extract<TrialPhase, { trial: RunningTrial }>;

export type TrialStateName = TrialPhase['name'];

export interface TrialMachine {
  /** This start of the device. */
  readonly start: {
    /** Whose root is `/`; null: the kernel's command line names none. */
    readonly slot: Slot | null;
    readonly buildId: string;
    readonly bootId: string;
    readonly trialLimitMs: number;
  };
  readonly phase: TrialPhase;
  /** What is remembered in /perm has been read, or never will be. */
  readonly isRecalled: boolean;
  readonly loader: {
    /** What the boot loader starts; null: not known. */
    readonly committed: Slot | null;
    /** What was committed before a commit that is going on or has failed; null: none has. */
    readonly before: Slot | null;
    readonly isWriting: boolean;
  };
}

export type TrialEvent =
  /** The boot loader has been asked which slot it starts; null: it cannot be read. */
  | { type: 'opened'; committed: Slot | null }
  /** `evidence` of what became of `pending`, as far as `needsEvidence` asked for it. */
  | { type: 'recalled'; pending: PendingTrial | null; evidence: TrialEvidence | null }
  | { type: 'asked'; pending: PendingTrial; trialStart: UpdateState['trialStart'] }
  /** Whether what was to be noted outlives a restart. */
  | { type: 'noted'; isKept: boolean }
  | { type: 'armed' }
  | { type: 'not armed'; problem: string }
  /** Whoever asked for the trial knows that it begins. */
  | { type: 'answered' }
  /** Time has passed; `report`: how the services are, where that matters. */
  | { type: 'look'; report: HealthReport | null }
  | { type: 'confirm'; buildId: string; who: string; report: HealthReport | null }
  | { type: 'roll back'; who: string }
  | { type: 'switched' }
  | { type: 'not switched'; problem: string }
  | { type: 'not supervised'; problem: string }
  /** What was committed before `commit` is known only now. */
  | { type: 'read'; committed: Slot }
  | { type: 'written'; slot: Slot }
  /** The commit may have reached the medium nevertheless: `committed` is what the disk says; null: nothing. */
  | { type: 'not written'; slot: Slot; problem: string; committed: Slot | null }
  | { type: 'switched back' }
  | { type: 'not switched back'; problem: string }
  /** An orderly way down begins, whoever wants it. */
  | { type: 'going down'; why: string };

export interface TrialRefusal {
  code: RefusalCode;
  message: string;
  waitsFor?: readonly string[];
}

export type TrialEffect =
  | { type: 'say'; text: string }
  /** Into /perm; null: nothing is pending. */
  | { type: 'note'; pending: PendingTrial | null }
  /** Into the history, and nothing is pending any more. */
  | { type: 'record'; pending: PendingTrial; outcome: TrialOutcome }
  /** Refuses whoever sent the event. */
  | { type: 'refuse'; refusal: TrialRefusal }
  /** To whoever waits: for the trial to be asked for, or for the confirmation. null: it is done. */
  | { type: 'answer'; to: 'asker' | 'confirmers'; refusal: TrialRefusal | null }
  | { type: 'arm'; slot: Slot }
  | { type: 'disarm' }
  | { type: 'restart'; into: 'trial' | 'committed'; why: string }
  /** Looks once a second from now on. */
  | { type: 'supervise'; before: PendingTrial['before'] }
  /** How things were before the trial is known only now. */
  | { type: 'compare'; before: PendingTrial['before'] }
  | { type: 'stop supervising' }
  | { type: 'switch apps'; pending: PendingTrial }
  | { type: 'switch back' }
  /** There is no way back from the switch any more. */
  | { type: 'keep apps' }
  /** `isUnread`: what is committed now has to be read first. */
  | { type: 'commit'; slot: Slot; isUnread: boolean }
  /** Whether logs are on the medium before anything else can happen. */
  | { type: 'keep logs safe'; isOn: boolean };

export interface TrialEnvironment {
  /** Never jumps, unlike the time of day. */
  nowMs: number;
  dateMs: number;
  makeId: () => string;
  /** Of a service's log, or init's. */
  lastLines: (of: string) => LastLines;
  /** How long the apps may take to be switched back. */
  stopLimitMs: number;
}

export function createTrialMachine(start: TrialMachine['start']): TrialMachine {
  return {
    start,
    phase: { name: 'starting' },
    isRecalled: false,
    loader: { committed: null, before: null, isWriting: false },
  };
}

/** Whether `look` events are of use. */
export function isTimed({ phase }: TrialMachine): boolean {
  return ['trying', 'committing', 'taking back', 'switching back'].includes(phase.name);
}

/** `report`: as of now, where there is one. */
export function trialOf(
  machine: TrialMachine,
  env: Pick<TrialEnvironment, 'nowMs' | 'dateMs'>,
  report: HealthReport | null,
): Trial | null {
  const { phase, start } = machine;
  switch (phase.name) {
    case 'starting':
    case 'resting':
      return null;
    case 'noting':
    case 'arming':
    case 'armed':
      return viewAsked(phase.pending, restartsInto(phase.pending));
    case 'leaving':
      if (phase.pending === null) return null;
      if (phase.startedMs === null) return viewAsked(phase.pending, phase.because);
      return viewStarted(phase.pending, phase.startedMs, [phase.because]);
    default:
      return viewStarted(
        phase.trial.pending,
        phase.trial.startedMs,
        waitsForNow(phase, report),
        (report ?? phase.trial.report)?.excused,
      );
  }

  function viewStarted(
    pending: PendingTrial,
    startedMs: number,
    waitsFor: readonly string[],
    excused: readonly string[] = [],
  ): Trial {
    // By the clock as it is now: it may have jumped since.
    const startedAtMs = Math.round(env.dateMs - (env.nowMs - startedMs));
    return viewTrial(pending, { startedAtMs, limitMs: start.trialLimitMs, waitsFor, excused });
  }
}

export function restartsInto({ slot }: PendingTrial): string {
  return `the device restarts into slot ${slot}`;
}

function viewAsked(pending: PendingTrial, because: string): Trial {
  return viewTrial(pending, {
    startedAtMs: pending.askedAtMs,
    limitMs: TRIAL_LIMIT_MS,
    waitsFor: [because],
  });
}

function waitsForNow(phase: OnTrial, report: HealthReport | null): readonly string[] {
  if (phase.name === 'taking back' || phase.name === 'switching back') return [isRolledBack(phase.reason)];
  const { trial } = phase;
  const missing = whatIsMissing(trial, report ?? trial.report);
  return trial.commitProblem === null ? missing : [...missing, trial.commitProblem];
}

/** What is not (yet) as it should be for a confirmation, a sentence each. */
export function whatIsMissing({ isSwitched }: RunningTrial, report: HealthReport | null): readonly string[] {
  const { waitsFor } = report ?? { waitsFor: ['nobody has looked at it yet'] };
  return isSwitched ? waitsFor : ['the apps are still being switched', ...waitsFor];
}

export function isRolledBack(reason: string): string {
  return `is being rolled back: ${reason}`;
}
