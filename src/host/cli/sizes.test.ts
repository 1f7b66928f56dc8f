import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, parseSize } from './sizes.ts';

test('formatBytes: three significant digits, powers of 1000', () => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9_994, '9.99 kB'],
    [9_996, '10.0 kB'],
    [99_960, '100 kB'],
    [999_600, '1.00 MB'],
    [2 ** 31, '2.15 GB'],
    [5e15, '5000 TB'],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});

test('parseSize: binary and decimal units', () => {
  const cases: [string, number][] = [
    ['4096', 4096],
    ['2G', 2 ** 31],
    ['2gib', 2 ** 31],
    ['1.5M', 1.5 * 2 ** 20],
    ['8GB', 8e9],
    ['8 GB', 8e9],
    ['100B', 100],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes);
});

test('parseSize: refuses what is no size', () => {
  for (const text of ['', 'G', '-1G', '1X', '1GBit', '0x10'])
    assert.throws(() => parseSize(text), /Give a size like/);
});

test('parseSize: refuses what no disk has', () => {
  assert.equal(parseSize('8191T'), 8191 * 2 ** 40);
  for (const text of ['8192T', '9'.repeat(30)]) assert.throws(() => parseSize(text), /more than any disk/);
});
