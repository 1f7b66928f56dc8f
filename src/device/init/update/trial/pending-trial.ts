// A trial as it is remembered from one start of the device to the next, and how it ended.

import type { Slot } from '../../../../shared/board/slots.ts';
import type {
  Trial,
  TrialRequest,
  UpdateOutcome,
  UpdateRecord,
} from '../../../../shared/update/update-state.ts';
import type { HealthBefore } from './health-before.ts';

/** An error of Node.js with its stack, and with that of its cause, is some thirty. */
export const MAX_LAST_LINES = 40;
const MAX_LINE_CHARACTERS = 300;
const MAX_REASON_CHARACTERS = 1000;

export type TrialEnding = Pick<UpdateRecord, 'reason' | 'lastLines'> & { atMs: number };

export interface PendingTrial extends Omit<TrialRequest, 'unchangedApps' | 'unhealthyApps'> {
  id: string;
  fromBuildId: string;
  askedAtMs: number;
  /** The start of the device in which it was asked for. */
  askedBootId: string;
  before: HealthBefore;
  /** The start on trial; null: none that could be written down. */
  startedBootId: string | null;
  /** Written down before the device goes back. */
  ending: TrialEnding | null;
  /** The firmware has forgotten to start it once, and it was asked for again in the other way. */
  isSecondTry: boolean;
  /** How often it was rolled back, and came up again in place of the old slot. */
  returns: number;
}

export type TrialOutcome = { outcome: UpdateOutcome; bootId: string | null } & TrialEnding &
  Pick<UpdateRecord, 'stillUnwell'>;

/** The last lines of the log that tells most of how a trial ended. */
export interface LastLines {
  of: string;
  lines: readonly { text: string }[];
}

const NO_LINES: LastLines = { of: '', lines: [] };

export function makeEnding(
  reason: string | null,
  atMs: number,
  { of, lines }: LastLines = NO_LINES,
): TrialEnding {
  const last = lines.slice(-MAX_LAST_LINES).map(({ text }) => text.slice(0, MAX_LINE_CHARACTERS));
  return {
    atMs,
    reason: reason?.slice(0, MAX_REASON_CHARACTERS) ?? null,
    lastLines: last.length === 0 ? null : { of, lines: last },
  };
}

/** Nothing is held to have been better. */
export const NOTHING_BEFORE: HealthBefore = {
  network: { ipv4: false, ipv6: false },
  waiting: [],
  unwell: [],
};

/** A start on trial of which nobody knows who asked for it: somebody has to say that it is well. */
export function unknownTrial(of: { id: string; slot: Slot; buildId: string; nowMs: number }): PendingTrial {
  return {
    id: of.id,
    slot: of.slot,
    buildId: of.buildId,
    mode: 'reboot',
    confirmBy: 'client',
    who: 'unknown',
    changedApps: [],
    fromBuildId: 'unknown',
    askedAtMs: of.nowMs,
    askedBootId: '',
    before: NOTHING_BEFORE,
    startedBootId: null,
    ending: null,
    isSecondTry: false,
    returns: 0,
  };
}

export function viewTrial(
  { id, slot, buildId, mode, confirmBy, who, fromBuildId }: PendingTrial,
  progress: {
    startedAtMs: number;
    limitMs: number;
    waitsFor: readonly string[];
    excused?: readonly string[];
  },
): Trial {
  const { startedAtMs, limitMs, waitsFor, excused = [] } = progress;
  const deadlineAtMs = startedAtMs + limitMs;
  const trial = { id, slot, buildId, mode, confirmBy, who, fromBuildId, startedAtMs, deadlineAtMs, waitsFor };
  return excused.length === 0 ? trial : { ...trial, stillUnwell: excused };
}
