import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  decodeDnsMessage,
  type DnsData,
  type DnsMessage,
  type DnsRecord,
  EMPTY_DNS_MESSAGE,
  encodeDnsData,
  encodeDnsMessage,
} from './dns-message.ts';
import { escapeDnsLabel } from './dns-name.ts';
import { formatIpv6 } from './ipv6-address.ts';

/** Plain objects only, as the decoder makes them. */
function exactly<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(fields, { noNullPrototype: true });
}

const uint16 = fc.integer({ min: 0, max: 0xffff });
const label = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => Buffer.byteLength(text) <= 63 && text.isWellFormed())
  .map(escapeDnsLabel);
const name = fc
  .array(fc.oneof(label, fc.constantFrom('local', '_http', '_tcp', 'garden')), { maxLength: 4 })
  .map((labels) => labels.join('.'));
const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const data: fc.Arbitrary<DnsData> = fc.oneof(
  fc.ipV4().map((address): DnsData => ({ type: 'A', address })),
  bytes16.map((bytes): DnsData => ({ type: 'AAAA', address: formatIpv6(bytes) })),
  name.map((target): DnsData => ({ type: 'PTR', target })),
  exactly({
    type: fc.constant('SRV' as const),
    priority: uint16,
    weight: uint16,
    port: uint16,
    target: name,
  }),
  exactly({ type: fc.constant('TXT' as const), strings: fc.array(label, { maxLength: 3 }) }),
  exactly({
    type: fc.constant('NSEC' as const),
    nextName: name,
    types: fc.subarray(['A', 'TXT', 'AAAA', 'SRV', 'TYPE200'] as const, { minLength: 1 }),
  }),
  exactly({ type: fc.constant('TYPE999' as const), bytes: fc.uint8Array({ maxLength: 20 }) }),
);
const record: fc.Arbitrary<DnsRecord> = exactly({
  name,
  cacheFlush: fc.boolean(),
  ttlSec: fc.integer({ min: 0, max: 0xffff_ffff }),
  data,
});
const records = fc.array(record, { maxLength: 4 });
const question = exactly({
  name,
  type: fc.constantFrom('A' as const, 'ANY' as const, 'PTR' as const, 'TYPE777' as const),
  unicastResponse: fc.boolean(),
});
const message: fc.Arbitrary<DnsMessage> = exactly({
  id: uint16,
  isResponse: fc.boolean(),
  isAuthoritative: fc.boolean(),
  isTruncated: fc.boolean(),
  opcode: fc.integer({ min: 0, max: 15 }),
  responseCode: fc.integer({ min: 0, max: 15 }),
  questions: fc.array(question, { maxLength: 3 }),
  answers: records,
  authorities: records,
  additionals: records,
});

test('decodeDnsMessage reads what encodeDnsMessage writes', () => {
  fc.assert(
    fc.property(message, (sent) => assert.deepEqual(decodeDnsMessage(encodeDnsMessage(sent)), sent)),
    { seed: 1, numRuns: 300 },
  );
});

test('encodeDnsMessage writes a name once and refers to it afterwards', () => {
  const sent: DnsMessage = {
    ...EMPTY_DNS_MESSAGE,
    isResponse: true,
    isAuthoritative: true,
    answers: [
      { name: 'garden.local', cacheFlush: true, ttlSec: 120, data: { type: 'A', address: '10.0.2.15' } },
      { name: 'GARDEN.local', cacheFlush: false, ttlSec: 0, data: { type: 'PTR', target: 'garden.local' } },
    ],
  };
  assert.equal(
    Buffer.from(encodeDnsMessage(sent)).toString('hex'),
    [
      '000084000000000200000000',
      '0667617264656e056c6f63616c00', // at 12
      '000180010000007800040a00020f',
      '0647415244454ec013',
      '000c00010000000000',
      '02c00c',
    ].join(''),
  );
  assert.equal(
    Buffer.from(encodeDnsData({ type: 'PTR', target: 'garden.local' })).toString('hex'),
    '0667617264656e056c6f63616c00',
  );
});

test('encodeDnsMessage refuses names that cannot be', () => {
  for (const bad of ['a..b', '.', 'x'.repeat(64), Array(130).fill('x').join('.'), 'é'.repeat(32)]) {
    const questions = [{ name: bad, type: 'A', unicastResponse: false }] as const;
    assert.throws(() => encodeDnsMessage({ ...EMPTY_DNS_MESSAGE, questions }), RangeError, bad);
  }
});

test('decodeDnsMessage leaves records of other classes out', () => {
  // A query of Apple's kind: one question, and EDNS options in the additional section.
  const query = Buffer.from(
    '0000000000010000000000010667617264656e056c6f63616c00000180010000290500000000000000',
    'hex',
  );
  const decoded = decodeDnsMessage(query);
  assert.deepEqual(decoded.questions, [{ name: 'garden.local', type: 'A', unicastResponse: true }]);
  assert.deepEqual(decoded.additionals, []);
});

test('decodeDnsMessage refuses names that go in circles', () => {
  for (const pointer of ['c00c', 'c00e', 'c000', 'c0ff', 'ffff']) {
    const query = Buffer.from(`000000000001000000000000${pointer}00010001`, 'hex');
    assert.throws(() => decodeDnsMessage(query), SyntaxError, pointer);
  }
});

test('decodeDnsMessage throws nothing but SyntaxError on garbage', () => {
  const damaged = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc
      .tuple(message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.nat())
      .map(([sent, changes, cut]) => {
        const bytes = encodeDnsMessage(sent);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes.subarray(0, cut % 2 === 0 ? bytes.length : cut % bytes.length);
      }),
  );
  fc.assert(
    fc.property(damaged, (bytes) => {
      try {
        // What was decoded can be said again: records are compared by their encoded form.
        encodeDnsMessage(decodeDnsMessage(bytes));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('decodeDnsMessage takes names in UTF-8 only, and TXT records of any bytes', () => {
  const header = '000084000000000100000000';
  const label = `3f${'ff'.repeat(63)}`;
  const pointer = Buffer.from(`${header}016100000c0001000000780041${label}00`, 'hex');
  assert.throws(() => decodeDnsMessage(pointer), SyntaxError);
  const text = `ff${'fe'.repeat(255)}`;
  const [record] = decodeDnsMessage(Buffer.from(`${header}01610000100001000000780100${text}`, 'hex')).answers;
  assert.ok(record);
  assert.equal(record.data.type, 'TYPE16');
  assert.equal(Buffer.from(encodeDnsData(record.data)).toString('hex'), text);
});
