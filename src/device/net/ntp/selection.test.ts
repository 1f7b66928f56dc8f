import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ClockFilter } from './clock-filter.ts';
import type { Sample } from './sample.ts';
import { selectTime } from './selection.ts';

function sample(offsetMs: number, change: Partial<Sample> = {}): Sample {
  return { takenAtMs: 0, offsetMs, delayMs: 20, serverErrorMs: 5, stratum: 2, leap: 'none', ...change };
}

test('selectTime believes the majority, however exact the others claim to be', () => {
  const exact = { delayMs: 0, serverErrorMs: 0 };
  const cases: [string, Sample[], number[] | undefined][] = [
    ['nobody', [], undefined],
    ['one', [sample(7)], [0]],
    ['two that agree', [sample(1), sample(2)], [0, 1]],
    ['two that do not', [sample(1), sample(1000)], undefined],
    ['one liar of three', [sample(1), sample(9e10, exact), sample(3)], [0, 2]],
    [
      'two liars of five',
      [sample(1), sample(500, exact), sample(2), sample(500, exact), sample(3)],
      [0, 2, 4],
    ],
    ['two against two', [sample(1), sample(500), sample(2), sample(500)], undefined],
    ['everybody elsewhere', [sample(0), sample(100), sample(200)], undefined],
  ];
  for (const [name, samples, agreeing] of cases) {
    assert.deepEqual(selectTime(samples, 0)?.agreeing.toSorted(), agreeing, name);
  }
});

test('selectTime trusts exact servers more, and is within what each of them allows', () => {
  const near = sample(10, { delayMs: 2, serverErrorMs: 0 });
  const far = sample(30, { delayMs: 200, serverErrorMs: 10 });
  const selection = selectTime([far, near], 0);
  assert.ok(selection && selection.offsetMs > 10 && selection.offsetMs < 12, String(selection?.offsetMs));
  assert.deepEqual(selection.agreeing, [1, 0]);
  assert.equal(selection.errorMs, 2);
});

test('selectTime takes the offset from samples that were not used before', () => {
  const used = sample(10, { takenAtMs: 100 });
  assert.equal(selectTime([used, sample(12, { takenAtMs: 300 })], 400, 200)?.offsetMs, 12);
  assert.equal(selectTime([used], 400, 200)?.isNews, false);
});

test('selectTime announces a leap second when most servers do', () => {
  const insert = sample(0, { leap: 'insert' });
  assert.equal(selectTime([insert, insert, sample(0)], 0)?.leap, 'insert');
  assert.equal(selectTime([insert, sample(0)], 0)?.leap, 'none');
});

test('selectTime is never led astray while less than half of the servers lie', () => {
  const honest = fc.record({
    error: fc.double({ min: -1, max: 1, noNaN: true }),
    delayMs: fc.integer({ min: 0, max: 300 }),
  });
  const lie = fc.record({
    offsetMs: fc.integer({ min: -1e12, max: 1e12 }),
    delayMs: fc.integer({ min: 0, max: 300 }),
  });
  const cases = fc
    .integer({ min: 1, max: 6 })
    .chain((count) =>
      fc.tuple(
        fc.array(honest, { minLength: count, maxLength: count }),
        fc.array(lie, { maxLength: count - 1 }),
        fc.integer({ min: -1e12, max: 1e12 }),
      ),
    );
  fc.assert(
    fc.property(cases, ([honestOnes, liars, truthMs]) => {
      // An honest answer is wrong by no more than half of its way.
      const samples = honestOnes.map(({ error, delayMs }) =>
        sample(truthMs + (error * delayMs) / 2, { delayMs, serverErrorMs: 0 }),
      );
      const lies = liars.map(({ offsetMs, delayMs }) => sample(offsetMs, { delayMs, serverErrorMs: 0 }));
      const selection = selectTime([...lies, ...samples], 0);
      assert.ok(selection);
      assert.ok(
        Math.abs(selection.offsetMs - truthMs) <= 2 * 151 + 151,
        `${selection.offsetMs} for ${truthMs}`,
      );
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('ClockFilter prefers the sample with the shortest way, but not for ever', () => {
  const filter = new ClockFilter();
  filter.add(sample(1, { delayMs: 10 }));
  filter.add(sample(90, { delayMs: 200, takenAtMs: 64_000 }));
  assert.equal(filter.best(64_000)?.offsetMs, 1);
  // 15 ppm of a day are 1.3 s.
  assert.equal(filter.best(24 * 3600 * 1000)?.offsetMs, 1);
  for (let count = 0; count < 7; count++) filter.add(sample(90, { delayMs: 200, takenAtMs: 128_000 }));
  assert.equal(filter.best(128_000)?.offsetMs, 90);
  filter.correct(90);
  assert.equal(filter.best(128_000)?.offsetMs, 0);
});
