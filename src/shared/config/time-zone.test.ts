import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTimeZone, likelyTimeZone } from './time-zone.ts';

test('isTimeZone: names of the IANA list, links among them', () => {
  const names = [
    'Europe/Berlin',
    'America/Argentina/Buenos_Aires',
    'UTC',
    'Etc/GMT+5',
    'US/Eastern',
    'EST5EDT',
  ];
  for (const name of [...names, 'Europe/Kyiv', 'Europe/Kiev', 'America/Port-au-Prince']) {
    assert.ok(isTimeZone(name), name);
  }
  for (const name of [
    '',
    'Europe/Berln',
    'europe/berlin',
    'EUROPE/BERLIN',
    'Berlin',
    'PST',
    '+02:00',
    'GMT+2',
    'Factory',
    'localtime',
    'posix/UTC',
    '../Europe/Berlin',
    'Europe/../UTC',
    'Europe/Berlin/',
    'zone.tab',
    'Europe/Berlin\n',
  ]) {
    assert.ok(!isTimeZone(name), name);
  }
});

test('likelyTimeZone: what was meant', () => {
  assert.equal(likelyTimeZone('europe/berlin'), 'Europe/Berlin');
  assert.equal(likelyTimeZone('America/New York'), 'America/New_York');
  assert.equal(likelyTimeZone('new york'), 'America/New_York');
  assert.equal(likelyTimeZone('Atlantis'), undefined);
});
