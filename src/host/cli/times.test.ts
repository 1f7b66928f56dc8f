import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, formatTime, parseSince } from './times.ts';

test('formatDuration gives the two largest units', () => {
  const cases: [number, string][] = [
    [-1, '0s'],
    [0, '0s'],
    [59.9, '59s'],
    [60, '1m'],
    [61, '1m 1s'],
    [3600, '1h'],
    [3661, '1h 1m'],
    [3605, '1h'],
    [86_400 * 3 + 4 * 3600 + 5, '3d 4h'],
  ];
  for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text);
});

test('parseSince understands how long ago', () => {
  assert.deepEqual(parseSince('90s'), { agoMs: 90_000 });
  assert.deepEqual(parseSince('1d12h'), { agoMs: 36 * 3_600_000 });
  assert.deepEqual(parseSince(' 1.5m '), { agoMs: 90_000 });
});

test('parseSince understands times, by this computer where no zone is given', () => {
  assert.deepEqual(parseSince('2026-03-01T14:30:00Z'), { timeMs: Date.UTC(2026, 2, 1, 14, 30) });
  assert.deepEqual(parseSince('2026-03-01 14:30+02:00'), { timeMs: Date.UTC(2026, 2, 1, 12, 30) });
  assert.deepEqual(parseSince('2026-03-01'), { timeMs: new Date(2026, 2, 1).getTime() });
  assert.deepEqual(parseSince('2026-03-01 14:30:05'), { timeMs: new Date(2026, 2, 1, 14, 30, 5).getTime() });
  assert.deepEqual(parseSince('0:05'), { timeMs: new Date().setHours(0, 5, 0, 0) });
});

test('parseSince refuses what it does not understand', () => {
  for (const text of ['', 'yesterday', '10', '25:00', '12:60', '2026-13-01', '5x', '1h2', '-5m', '2026']) {
    assert.throws(() => parseSince(text), /Give how long ago/, text);
  }
});

test('formatTime is as wide as ever, and reads back', () => {
  const timeMs = Date.UTC(2026, 2, 1, 14, 30, 5, 7);
  const text = formatTime(timeMs);
  assert.match(text, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
  assert.deepEqual(parseSince(text), { timeMs });
});
