import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRegulatoryCountries } from './regulatory-db.ts';

const HEAD = [0x52, 0x47, 0x44, 0x42, 0, 0, 0, 20];
const country = (letters: string): number[] => [...Buffer.from(letters), 4, 0xa7];

test('readRegulatoryCountries lists the countries up to the end of their list', () => {
  const bytes = Uint8Array.from([...HEAD, ...country('00'), ...country('DE'), 0, 0, 0, 0, ...country('XX')]);
  assert.deepEqual([...readRegulatoryCountries(bytes)], ['00', 'DE']);
});

for (const [what, bytes, problem] of [
  ['another file', [1, 2, 3, 4, 5, 6, 7, 8], /another format/],
  ['an empty file', [], /another format/],
  ['another version', [...HEAD.slice(0, 7), 21], /its version is 21, not 20/],
  ['a list that is cut off', [...HEAD, ...country('DE')], /does not end/],
] as const)
  test(`readRegulatoryCountries refuses ${what}`, () => {
    assert.throws(() => readRegulatoryCountries(Uint8Array.from(bytes)), {
      name: 'SyntaxError',
      message: problem,
    });
  });
