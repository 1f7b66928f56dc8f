// One question to a time server and what its answer is worth (RFC 5905 sections 8 and 9.2). No I/O.

import { decodeNtpResponse, NTP_MODE, type NtpResponse } from '../../../formats/ntp-packet.ts';
import type { TimeLimits } from '../../../shared/manifest/build-time.ts';

export interface NtpQuestion {
  /** Random; the answer repeats it. */
  cookie: Uint8Array;
  /** Our clock when the question left. */
  sentAtMs: number;
}

export interface Sample {
  /** Time by the monotonic clock. */
  takenAtMs: number;
  /** What our clock lacks. */
  offsetMs: number;
  /** Time there and back. */
  delayMs: number;
  /** How far the server itself may be off. */
  serverErrorMs: number;
  stratum: number;
  leap: 'none' | 'insert' | 'delete';
}

export type Answer =
  | { kind: 'sample'; sample: Sample }
  /** The server asks for less, or for nothing more. */
  | { kind: 'kiss'; code: KissCode }
  | { kind: 'unfit'; problem: string }
  /** A packet that is no answer to this question, whoever sent it. */
  | { kind: 'foreign' };

/** The codes of RFC 5905 section 7.4 that are to be obeyed. */
const KISS_CODES = ['RATE', 'DENY', 'RSTR'] as const;
export type KissCode = (typeof KISS_CODES)[number];

/** RFC 5905: MAXSTRAT, MAXDIST, PHI, MINDISP. */
const MAX_STRATUM = 15;
const MAX_DISTANCE_MS = 1500;
const DRIFT_PER_MS = 15e-6;
const MIN_ERROR_MS = 1;
const DAY_MS = 24 * 3600 * 1000;
/** Times are told modulo 136 years. */
const HALF_ERA_MS = 68 * 365 * DAY_MS;

/** `elapsedMs` and `takenAtMs` by the monotonic clock: ours may have been set in the meantime. */
export function judgeAnswer(
  bytes: Uint8Array,
  question: NtpQuestion,
  arrival: { elapsedMs: number; takenAtMs: number },
  limits: TimeLimits,
): Answer {
  const answer = decodeNtpResponse(bytes, middleOf(limits));
  if (answer === undefined || answer.mode !== NTP_MODE.server) return { kind: 'foreign' };
  if (Buffer.compare(answer.originCookie, question.cookie) !== 0) return { kind: 'foreign' };
  if (answer.stratum === 0) return judgeKiss(answer.kissCode);
  const { receiveMs, transmitMs, leap } = answer;
  const problem = problemOf(answer, limits);
  if (problem !== null || receiveMs === null || transmitMs === null || leap === 'unsynchronised') {
    return { kind: 'unfit', problem: problem ?? 'It does not know the time' };
  }
  const { elapsedMs, takenAtMs } = arrival;
  const arrivedAtMs = question.sentAtMs + elapsedMs;
  const delayMs = elapsedMs - (transmitMs - receiveMs);
  // A server whose clock is being set while it thinks; up to the resolution of clocks it is nothing.
  if (delayMs < -MIN_ERROR_MS) return { kind: 'unfit', problem: 'Its clock jumps' };
  return {
    kind: 'sample',
    sample: {
      takenAtMs,
      offsetMs: (receiveMs - question.sentAtMs + (transmitMs - arrivedAtMs)) / 2,
      delayMs: Math.max(0, delayMs),
      serverErrorMs: answer.rootDelayMs / 2 + answer.rootDispersionMs,
      stratum: answer.stratum,
      leap,
    },
  };
}

/** Other codes say only that there is no time to be had yet (`INIT`, `STEP`): a server that has just started, too. */
function judgeKiss(text: string): Answer {
  const code = KISS_CODES.find((each) => each === text);
  if (code !== undefined) return { kind: 'kiss', code };
  return { kind: 'unfit', problem: `It does not know the time${text === '' ? '' : ` (${text})`}` };
}

/** How far the offset may be wrong by now: the synchronization distance of RFC 5905 section 11.2. */
export function distanceMs(sample: Sample, nowMs: number): number {
  const ageMs = Math.max(0, nowMs - sample.takenAtMs);
  return MIN_ERROR_MS + sample.delayMs / 2 + sample.serverErrorMs + ageMs * DRIFT_PER_MS;
}

function problemOf(answer: NtpResponse, { floorMs, ceilingMs }: TimeLimits): string | null {
  const { version, stratum, leap, referenceMs, receiveMs, transmitMs } = answer;
  if (version < 3 || version > 4) return `It answers in version ${version} of the protocol`;
  if (leap === 'unsynchronised' || stratum > MAX_STRATUM) return 'It does not know the time';
  if (receiveMs === null || transmitMs === null) return 'It does not say the time';
  if (answer.rootDelayMs / 2 + answer.rootDispersionMs > MAX_DISTANCE_MS)
    return 'Its own time is too uncertain';
  if (transmitMs < receiveMs) return 'Its clock jumps';
  if (referenceMs !== null && (referenceMs > transmitMs || transmitMs - referenceMs > DAY_MS)) {
    return 'It has not compared its own clock for a day';
  }
  if (transmitMs < floorMs || transmitMs > ceilingMs)
    return `Its time, ${dayOf(transmitMs)}, cannot be right`;
  return null;
}

function middleOf({ floorMs, ceilingMs }: TimeLimits): number {
  return Math.min((floorMs + ceilingMs) / 2, floorMs + HALF_ERA_MS);
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
