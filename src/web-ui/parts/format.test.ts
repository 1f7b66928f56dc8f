import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { formatBytes, formatDuration, formatPercent, formatRate } from './format.ts';

/** The spaces inside figures do not break. */
const plain = (text: string) => text.replaceAll('\u00A0', ' ');

suite('figures', () => {
  test('formatBytes keeps to three digits', () => {
    const cases: [number, string][] = [
      [0, '0 B'],
      [999, '999 B'],
      [1000, '0.98 KiB'],
      [1536, '1.50 KiB'],
      [10 * 1024, '10.0 KiB'],
      [214 * 1024 ** 2, '214 MiB'],
      [1023 * 1024 ** 2, '1.00 GiB'],
      [5 * 1024 ** 5, '5120 TiB'],
    ];
    for (const [bytes, text] of cases) assert.equal(plain(formatBytes(bytes)), text);
  });

  test('formatRate leaves noise out', () => {
    assert.equal(plain(formatRate(300)), '0 B/s');
    assert.equal(plain(formatRate(2048)), '2.00 KiB/s');
  });

  test('formatPercent', () => {
    assert.deepEqual(
      [0, 0.061, 0.0996, 0.5, 1].map((value) => plain(formatPercent(value))),
      ['0.0 %', '6.1 %', '10 %', '50 %', '100 %'],
    );
  });

  test('formatDuration shows the two largest units', () => {
    const cases: [number, string][] = [
      [-5, '0 s'],
      [0.4, '0 s'],
      [59.9, '59 s'],
      [61, '1 min 1 s'],
      [600, '10 min'],
      [612, '10 min'],
      [7260, '2 h 1 min'],
      [86_400, '1 d'],
      [86_400 + 60, '1 d'],
      [27.3 * 3600, '1 d 3 h'],
    ];
    for (const [seconds, text] of cases) assert.equal(plain(formatDuration(seconds)), text);
  });
});
