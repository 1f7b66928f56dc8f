import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeKeptLine, decodeKeptLines, encodeKeptLine, type KeptLine } from './kept-line.ts';

const keptLine: fc.Arbitrary<KeptLine> = fc.record(
  {
    timeMs: fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }),
    stream: fc.constantFrom('stdout' as const, 'stderr' as const, 'init' as const),
    // As LineSplitter lets it through: without controls.
    text: fc.string({ unit: 'grapheme' }).map((text) => text.replace(/\p{Cc}/gu, '?')),
  },
  { noNullPrototype: true },
);

test('decodeKeptLines gives back what encodeKeptLine was given', () => {
  fc.assert(
    fc.property(fc.array(keptLine), (lines) => {
      assert.deepEqual(decodeKeptLines(lines.map(encodeKeptLine).join('')), lines);
    }),
    { seed: 20261123 },
  );
});

test('decodeKeptLines knows one end of a line only', () => {
  const line: KeptLine = { timeMs: 0, stream: 'stdout', text: 'JSON may have \u2028 or \u2029' };
  assert.deepEqual(decodeKeptLines(encodeKeptLine(line)), [line]);
});

test('decodeKeptLines never throws, and takes nothing from a line that was cut', () => {
  fc.assert(
    fc.property(fc.array(keptLine, { minLength: 1 }), fc.nat(), (lines, cut) => {
      const text = lines.map(encodeKeptLine).join('');
      const whole = decodeKeptLines(text.slice(0, cut % text.length));
      assert.deepEqual(whole, lines.slice(0, whole.length));
    }),
    { seed: 20261123 },
  );
});

test('decodeKeptLine refuses what is not a line', () => {
  for (const text of [
    '',
    '2026-03-01T14:30:05.123Z',
    'x',
    '2026-99-01T14:30:05.123Z ! x',
    '2026-03-01T14:30:05.123Z ? x',
  ]) {
    assert.equal(decodeKeptLine(text), undefined, text);
  }
});

test('encodeKeptLine makes lines of a stack', () => {
  const text = encodeKeptLine({ timeMs: 0, stream: 'stderr', text: 'fatal\n  at x' });
  assert.equal(text, '1970-01-01T00:00:00.000Z ! fatal\n1970-01-01T00:00:00.000Z !   at x\n');
});
