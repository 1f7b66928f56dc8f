// What is done about the clock after each round of questions, and when the next round is (RFC 5905 sections 11.3, 13).
//
//   offset          not set yet     set before
//   up to 128 ms    slew            slew
//   beyond          step            step when three rounds in a row say so, or more servers than ever agreed to it
//
// A pure function: (state, outcome) -> (state, action, delay).

import type { Selection } from './selection.ts';

export interface DisciplineState {
  synchronised: boolean;
  /** The most servers that agreed with the clock as it is now. */
  setBy: number;
  pollExponent: number;
  /** Rounds in a row with a small offset. */
  steadyRounds: number;
  /** Rounds in a row with an offset that asks for a step. */
  farOffRounds: number;
  silentRounds: number;
  /** Rounds with a result. */
  rounds: number;
}

export interface Verdict {
  state: DisciplineState;
  action: 'step' | 'slew' | 'none';
  /** Time until the next round. */
  delayMs: number;
}

const MIN_POLL_EXPONENT = 6;
const MAX_POLL_EXPONENT = 10;
const STEP_THRESHOLD_MS = 128;
export const INITIAL_DISCIPLINE: DisciplineState = {
  synchronised: false,
  setBy: 0,
  pollExponent: MIN_POLL_EXPONENT,
  steadyRounds: 0,
  farOffRounds: 0,
  silentRounds: 0,
  rounds: 0,
};

const FAR_OFF_ROUNDS = 3;
/** The first rounds follow closely: the first sample is seldom the best (`iburst` of other programs). */
const BURST_ROUNDS = 4;
const BURST_MS = 2000;
const FIRST_RETRY_MS = 4000;
/** A clock that is right as far as can be told; less is not asked for, lest distant servers be asked often for ever. */
const STEADY = { minMs: 2, errorShare: 0.25 };
const UNSTEADY_MIN_MS = 16;
const STEADY_ROUNDS = 4;

/** `selection` undefined: nobody answered, or there was no majority. */
export function stepDiscipline(state: DisciplineState, selection: Selection | undefined): Verdict {
  if (selection === undefined) return onSilence(state);
  const heard = { ...state, silentRounds: 0, rounds: state.rounds + 1 };
  // Samples that were used before say nothing new.
  if (!selection.isNews) return { state: heard, action: 'none', delayMs: delayOf(heard) };
  const sizeMs = Math.abs(selection.offsetMs);
  const count = selection.agreeing.length;
  if (sizeMs <= STEP_THRESHOLD_MS) {
    const setBy = Math.max(heard.setBy, count);
    const next = {
      ...withPoll(heard, sizeMs, selection.errorMs),
      synchronised: true,
      setBy,
      farOffRounds: 0,
    };
    return { state: next, action: 'slew', delayMs: delayOf(next) };
  }
  const farOffRounds = heard.farOffRounds + 1;
  const hurried = { ...heard, pollExponent: MIN_POLL_EXPONENT, steadyRounds: 0, farOffRounds };
  const isSure = !heard.synchronised || count > heard.setBy || farOffRounds >= FAR_OFF_ROUNDS;
  if (!isSure) return { state: hurried, action: 'none', delayMs: delayOf(hurried) };
  const next = { ...hurried, synchronised: true, setBy: count, farOffRounds: 0 };
  return { state: next, action: 'step', delayMs: delayOf(next) };
}

/** Time between two questions to the same server, as far as it goes by the discipline. */
export function pollIntervalMs({ pollExponent }: DisciplineState): number {
  return 1000 * 2 ** pollExponent;
}

function onSilence(state: DisciplineState): Verdict {
  const silentRounds = state.silentRounds + 1;
  const retryMs = FIRST_RETRY_MS * 2 ** Math.min(state.silentRounds, MAX_POLL_EXPONENT);
  const limitMs = state.synchronised ? pollIntervalMs(state) : 1000 * 2 ** MAX_POLL_EXPONENT;
  // A clock that is set can wait; one that is not has apps waiting for it.
  const delayMs = state.synchronised ? Math.max(limitMs, retryMs) : Math.min(limitMs, retryMs);
  return {
    state: { ...state, silentRounds, farOffRounds: 0 },
    action: 'none',
    delayMs: Math.min(delayMs, 1000 * 2 ** MAX_POLL_EXPONENT),
  };
}

function delayOf(state: DisciplineState): number {
  return state.rounds < BURST_ROUNDS ? BURST_MS : pollIntervalMs(state);
}

function withPoll(state: DisciplineState, offsetMs: number, errorMs: number): DisciplineState {
  const { pollExponent, steadyRounds } = state;
  if (offsetMs > Math.max(UNSTEADY_MIN_MS, errorMs)) {
    return { ...state, steadyRounds: 0, pollExponent: Math.max(MIN_POLL_EXPONENT, pollExponent - 1) };
  }
  if (offsetMs > Math.max(STEADY.minMs, errorMs * STEADY.errorShare)) return { ...state, steadyRounds: 0 };
  if (steadyRounds + 1 < STEADY_ROUNDS) return { ...state, steadyRounds: steadyRounds + 1 };
  return { ...state, steadyRounds: 0, pollExponent: Math.min(MAX_POLL_EXPONENT, pollExponent + 1) };
}
