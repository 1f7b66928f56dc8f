import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogLine } from '../../../shared/services/services.ts';
import { joinWithKept, numberLines, selectLines } from './log-query.ts';

function line(seq: number, timeMs = seq * 10): LogLine {
  return { seq, timeMs, stream: 'stdout', text: `line ${seq}` };
}

function kept(...numbers: number[]): Omit<LogLine, 'seq'>[] {
  return numbers.map((number) => ({ timeMs: number * 10, stream: 'stdout', text: `line ${number}` }));
}

test('selectLines takes the last ones of those since a time', () => {
  const lines = [line(0), line(1), line(2), line(3)];
  assert.deepEqual(selectLines(lines, { lines: 2, since: 0 }), [line(2), line(3)]);
  assert.deepEqual(selectLines(lines, { lines: 9, since: 15 }), [line(2), line(3)]);
  assert.deepEqual(selectLines(lines, { lines: 1, since: 15 }), [line(3)]);
  assert.deepEqual(selectLines(lines, { lines: 0, since: 0 }), []);
});

test('joinWithKept puts what memory has lost before what it has', () => {
  assert.deepEqual(joinWithKept(kept(0, 1, 2, 3), [line(2), line(3)]), [line(0), line(1), line(2), line(3)]);
  // The copy is behind, and knows nothing of where the memory begins.
  assert.deepEqual(
    joinWithKept(kept(0, 1), [line(5)]),
    [line(3, 0), line(4, 10), line(5)].map((each, index) =>
      index < 2 ? { ...each, text: `line ${index}` } : each,
    ),
  );
});

test('joinWithKept needs no copy when memory has all, and no memory to be there', () => {
  assert.deepEqual(joinWithKept(kept(0, 1), [line(0), line(1)]), [line(0), line(1)]);
  assert.deepEqual(joinWithKept(kept(0, 1), []), []);
});

test('numberLines counts from 0', () => {
  assert.deepEqual(numberLines(kept(0, 1)), [line(0), line(1)]);
});
