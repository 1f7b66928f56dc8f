import assert from 'node:assert/strict';
import { isIPv4 } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  broadcastOf,
  formatIpv4Prefix,
  ipv4FromBytes,
  ipv4FromNumber,
  ipv4ToBytes,
  ipv4ToNumber,
  isHostAddress,
  isIpv4Address,
  networkOf,
  parseIpv4Prefix,
  prefixLengthOfMask,
} from './ipv4-address.ts';

const SEED = 4632;

test('ipv4ToNumber and ipv4ToBytes are undone by their counterparts', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (value) => {
      const text = ipv4FromNumber(value);
      assert.equal(ipv4ToNumber(text), value);
      assert.equal(ipv4FromBytes(ipv4ToBytes(text)), text);
    }),
    { seed: SEED },
  );
});

test('isIpv4Address agrees with Node about what an address is', () => {
  const octet = fc.oneof(fc.nat(300).map(String), fc.constantFrom('', '00', '01', '256', '-1', 'a', ' 1'));
  fc.assert(
    fc.property(fc.array(octet, { minLength: 3, maxLength: 5 }), (octets) => {
      const text = octets.join('.');
      assert.equal(isIpv4Address(text), isIPv4(text), text);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test('parseIpv4Prefix reads what formatIpv4Prefix writes and refuses the rest', () => {
  assert.deepEqual(parseIpv4Prefix('10.0.2.15/24'), { address: '10.0.2.15', prefixLength: 24 });
  assert.equal(formatIpv4Prefix({ address: '0.0.0.0', prefixLength: 0 }), '0.0.0.0/0');
  for (const bad of [
    '10.0.2.15',
    '10.0.2.15/33',
    '10.0.2.15/',
    '10.0.2.15/1/2',
    '10.0.2.15/08',
    '/8',
    '::1/64',
  ]) {
    assert.throws(() => parseIpv4Prefix(bad), TypeError, bad);
  }
});

test('prefixLengthOfMask takes masks whose ones are on the left', () => {
  const masks = { '0.0.0.0': 0, '255.255.255.0': 24, '255.255.255.255': 32, '255.128.0.0': 9 };
  for (const [mask, length] of Object.entries(masks)) assert.equal(prefixLengthOfMask(mask), length);
  assert.equal(prefixLengthOfMask('255.0.255.0'), undefined);
  assert.equal(prefixLengthOfMask('0.0.0.255'), undefined);
});

test('networkOf and broadcastOf clear and fill the host part', () => {
  const prefix = { address: '192.168.130.77', prefixLength: 20 };
  assert.equal(networkOf(prefix), '192.168.128.0');
  assert.equal(broadcastOf(prefix), '192.168.143.255');
  assert.equal(networkOf({ address: '203.0.113.9', prefixLength: 0 }), '0.0.0.0');
});

test('isHostAddress refuses what no interface can have', () => {
  assert.ok(isHostAddress('10.0.0.1') && isHostAddress('169.254.7.7') && isHostAddress('223.255.255.255'));
  for (const bad of ['0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '255.255.255.255']) {
    assert.ok(!isHostAddress(bad), bad);
  }
});
