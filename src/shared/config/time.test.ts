import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { timeSchema } from './time.ts';
import { parseTimeServer } from '../network/time-servers.ts';

test('timeSchema takes time servers, and none', () => {
  for (const servers of [[], ['pool.ntp.org', '10.0.2.2:1123', 'fd00::1']]) {
    assert.deepEqual(v.parse(timeSchema, { servers }), { servers });
  }
  assert.deepEqual(v.parse(timeSchema, {}), {});
  assert.deepEqual(v.parse(timeSchema, { zone: 'US/Eastern' }), { zone: 'US/Eastern' });
});

test('timeSchema says what a value must be', () => {
  const cases: [unknown, RegExp][] = [
    ['pool.ntp.org', /must be an object/],
    [{ servers: 'pool.ntp.org' }, /must be an array/],
    [{ servers: ['not a name'] }, /name or an IP address/],
    [{ servers: [''] }, /name or an IP address/],
    [{ servers: Array(17).fill('a.example') }, /at most 16/],
    [{ zone: 'europe/berlin' }, /^must be a time zone of the IANA list: "Europe\/Berlin"$/],
    [{ zone: 'Mars/Olympus' }, /^must be a time zone of the IANA list, such as "Europe\/Berlin"$/],
  ];
  for (const [value, message] of cases) {
    const result = v.safeParse(timeSchema, value);
    assert.match(result.issues?.[0]?.message ?? 'no issue', message, JSON.stringify(value));
  }
});

test('parseTimeServer reads names and addresses with and without a port', () => {
  const cases: [string, string, number][] = [
    ['pool.ntp.org', 'pool.ntp.org', 123],
    ['nas:1123', 'nas', 1123],
    ['192.168.1.1', '192.168.1.1', 123],
    ['192.168.1.1:65535', '192.168.1.1', 65_535],
    ['fd00::1', 'fd00::1', 123],
    ['[fd00::1]', 'fd00::1', 123],
    ['[fd00::1]:1123', 'fd00::1', 1123],
  ];
  for (const [text, host, port] of cases) assert.deepEqual(parseTimeServer(text), { host, port }, text);
  for (const text of [
    '',
    'a b',
    'a:0',
    'a:65536',
    '1.2.3',
    '1.2.3.4.5',
    '[nas]:1',
    'a:1:2',
    '-a',
    'a..b',
    'http://a',
  ]) {
    assert.equal(parseTimeServer(text), undefined, text);
  }
});
