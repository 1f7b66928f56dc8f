import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DisciplineState, INITIAL_DISCIPLINE, stepDiscipline, type Verdict } from './discipline.ts';
import type { Selection } from './selection.ts';

function selection(offsetMs: number, agreeing = 1, isNews = true): Selection {
  const indexes = Array.from({ length: agreeing }, (_, index) => index);
  return { offsetMs, errorMs: 5, leap: 'none', agreeing: indexes, isNews };
}

/** One letter a round: s step, l slew, n nothing; with the seconds to the next one. */
function run(
  outcomes: readonly (Selection | undefined)[],
  from = INITIAL_DISCIPLINE,
): [string, DisciplineState] {
  let state = from;
  const steps = outcomes.map((outcome) => {
    const verdict: Verdict = stepDiscipline(state, outcome);
    state = verdict.state;
    return `${{ step: 's', slew: 'l', none: 'n' }[verdict.action]}${verdict.delayMs / 1000}`;
  });
  return [steps.join(' '), state];
}

const [, SETTLED] = run([selection(1e9, 3), ...Array.from({ length: 3 }, () => selection(1, 3))]);

test('stepDiscipline steps once, then slews, and asks ever more seldom while the clock is right', () => {
  const right = Array.from({ length: 22 }, () => selection(1));
  const [steps, state] = run([selection(1e9), ...right]);
  assert.equal(
    steps,
    's2 l2 l2 l64 l128 l128 l128 l128 l256 l256 l256 l256 l512 l512 l512 l512 l1024 l1024 l1024 l1024 l1024 l1024 l1024',
  );
  assert.ok(state.synchronised);
});

test('stepDiscipline slews a clock that was nearly right from the start', () => {
  assert.equal(run([selection(-128)])[0], 'l2');
  assert.equal(run([selection(-129)])[0], 's2');
});

test('stepDiscipline doubts a sudden jump, and gives in when it lasts', () => {
  assert.equal(run([selection(3000, 3), selection(1, 3)], SETTLED)[0], 'n64 l64');
  const [steps] = run([selection(3000, 3), selection(3000, 3), selection(3000, 3), selection(1, 3)], SETTLED);
  assert.match(steps, /^n64 n64 s64 l/);
});

test('stepDiscipline believes more servers than those that set the clock at once', () => {
  const [, alone] = run([selection(1e11, 1)]);
  assert.equal(run([selection(-1e11, 4)], alone)[0], 's2');
  assert.equal(run([selection(-1e11, 1)], alone)[0], 'n2');
});

test('stepDiscipline tries again soon while the clock is not set, and seldom when it is', () => {
  const silence = Array.from({ length: 11 }, () => undefined);
  assert.equal(run(silence)[0], 'n4 n8 n16 n32 n64 n128 n256 n512 n1024 n1024 n1024');
  const interval = 2 ** SETTLED.pollExponent;
  assert.equal(run([undefined, undefined], SETTLED)[0], `n${interval} n${interval}`);
});

test('stepDiscipline asks more often when the clock drifts, and does nothing with old samples', () => {
  const slow: DisciplineState = { ...SETTLED, pollExponent: 9 };
  assert.equal(run([selection(60)], slow)[0], 'l256');
  assert.equal(run([selection(10)], slow)[0], 'l512');
  assert.equal(run([selection(3000, 3, false)], slow)[0], 'n512');
});
