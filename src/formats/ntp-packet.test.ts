import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeNtpResponse, encodeNtpRequest, encodeNtpTime } from './ntp-packet.ts';

const BUILT_MS = Date.UTC(2026, 0, 1);
/** An answer of a stratum 2 server, as chrony sends it. */
const ANSWER = Buffer.from(
  [
    '240206e7', // no leap second, version 4, server; stratum 2, poll 6, precision -25
    '00000a3d', // root delay 40 ms
    '00000148', // root dispersion 5 ms
    'c0a80101',
    'ec8f8f0080000000', // reference
    '0123456789abcdef', // origin
    'ec8f900000000000', // receive
    'ec8f900040000000', // transmit
  ].join(''),
  'hex',
);

test('encodeNtpRequest tells nothing but version, mode and cookie', () => {
  const cookie = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const hex = Buffer.from(encodeNtpRequest(cookie)).toString('hex');
  assert.equal(hex, `23${'00'.repeat(39)}0102030405060708`);
});

test('decodeNtpResponse reads every field', () => {
  const answer = decodeNtpResponse(ANSWER, BUILT_MS);
  assert.ok(answer);
  const { rootDelayMs, rootDispersionMs, originCookie, kissCode, ...exact } = answer;
  assert.deepEqual(exact, {
    leap: 'none',
    version: 4,
    mode: 4,
    stratum: 2,
    pollExponent: 6,
    referenceMs: Date.UTC(2025, 9, 7, 13, 7, 12, 500),
    receiveMs: Date.UTC(2025, 9, 7, 13, 11, 28),
    transmitMs: Date.UTC(2025, 9, 7, 13, 11, 28, 250),
  });
  assert.equal(Math.round(rootDelayMs), 40);
  assert.equal(Math.round(rootDispersionMs), 5);
  assert.equal(Buffer.from(originCookie).toString('hex'), '0123456789abcdef');
  assert.equal(kissCode, '');
});

test('decodeNtpResponse reads why a server declines, and needs 48 bytes', () => {
  const kiss = Buffer.from(ANSWER);
  kiss[1] = 0;
  kiss.write('RATE', 12);
  assert.equal(decodeNtpResponse(kiss, BUILT_MS)?.kissCode, 'RATE');
  assert.equal(decodeNtpResponse(ANSWER.subarray(0, 47), BUILT_MS), undefined);
  assert.equal(decodeNtpResponse(new Uint8Array(48), BUILT_MS)?.transmitMs, null);
});

test('decodeNtpResponse reads what encodeNtpTime writes, also after the era ends in 2036', () => {
  const times = fc.integer({ min: Date.UTC(1970, 0, 1), max: Date.UTC(2090, 0, 1) });
  fc.assert(
    fc.property(times, (timeMs) => {
      const answer = Buffer.from(ANSWER);
      answer.set(encodeNtpTime(timeMs), 40);
      const read = decodeNtpResponse(answer, BUILT_MS)?.transmitMs ?? Number.NaN;
      assert.ok(Math.abs(read - timeMs) < 0.001, `${read} for ${timeMs}`);
    }),
    { seed: 1 },
  );
});

test('decodeNtpResponse takes any 48 bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 48, maxLength: 70 }), (bytes) =>
      assert.ok(decodeNtpResponse(bytes, BUILT_MS)),
    ),
    { seed: 1, numRuns: 1000 },
  );
});
