import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInRange } from './version-range.ts';

test('isInRange: what npm takes a range for', () => {
  const cases: Record<string, { within: string[]; outside: string[] }> = {
    '^22.2.0 || ^24 || <=26.2': {
      within: ['22.2.0', '24.9.1', '26.2.9', '1.0.0'],
      outside: ['26.3.0', '26.10.0'],
    },
    '>=18.5': { within: ['18.5.0', '26.10.0'], outside: ['18.4.9'] },
    '>= 18 <25': { within: ['18.0.0', '24.99.0'], outside: ['17.9.0', '25.0.0'] },
    '^18.15.0||^20.7.0': { within: ['18.15.0', '20.8.0'], outside: ['18.14.9', '19.0.0', '21.0.0'] },
    '~20.3': { within: ['20.3.0', '20.3.9'], outside: ['20.4.0'] },
    '~20': { within: ['20.9.0'], outside: ['21.0.0'] },
    '^0.3.1': { within: ['0.3.2'], outside: ['0.4.0', '0.3.0'] },
    '^0.0.3': { within: ['0.0.3'], outside: ['0.0.4'] },
    '20 - 24': { within: ['20.0.0', '24.9.0'], outside: ['25.0.0'] },
    '>24': { within: ['25.0.0'], outside: ['24.9.0'] },
    '22.x': { within: ['22.9.0'], outside: ['23.0.0'] },
    '=22.1.0': { within: ['22.1.0'], outside: ['22.1.1'] },
    '*': { within: ['1.2.3'], outside: [] },
    '': { within: ['1.2.3'], outside: [] },
  };
  for (const [range, { within, outside }] of Object.entries(cases)) {
    for (const version of within) assert.equal(isInRange(version, range), true, `${version} in ${range}`);
    for (const version of outside) assert.equal(isInRange(version, range), false, `${version} in ${range}`);
  }
});

test('isInRange: what is no range says nothing', () => {
  for (const range of ['lts', '>=x.y.z.w', 'node 22', '>=22 || iojs'])
    assert.equal(isInRange('22.0.0', range), undefined);
  assert.equal(isInRange('', '22'), undefined);
});
