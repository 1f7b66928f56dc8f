import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatIpv6, ipv6ToBytes, isIpv6Address, isLinkLocalIpv6 } from './ipv6-address.ts';

function bytesOf(...groups: number[]): Uint8Array {
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]));
}

test('formatIpv6 writes the canonical form of RFC 5952', () => {
  const cases: [Uint8Array, string][] = [
    [bytesOf(0, 0, 0, 0, 0, 0, 0, 0), '::'],
    [bytesOf(0, 0, 0, 0, 0, 0, 0, 1), '::1'],
    [bytesOf(0xfe80, 0, 0, 0, 0x5054, 0xff, 0xfe12, 0x3456), 'fe80::5054:ff:fe12:3456'],
    // A single zero is written out; of two equal runs the first is shortened.
    [bytesOf(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1), '2001:db8:0:1:1:1:1:1'],
    [bytesOf(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), '2001:db8::1:0:0:1'],
    [bytesOf(0x2001, 0, 0, 1, 0, 0, 0, 0), '2001:0:0:1::'],
  ];
  for (const [bytes, text] of cases) assert.equal(formatIpv6(bytes), text);
});

test('isLinkLocalIpv6 knows fe80::/10', () => {
  assert.ok(isLinkLocalIpv6(bytesOf(0xfe80, 0, 0, 0, 0, 0, 0, 1)));
  assert.ok(isLinkLocalIpv6(bytesOf(0xfebf, 0, 0, 0, 0, 0, 0, 1)));
  assert.ok(!isLinkLocalIpv6(bytesOf(0xfec0, 0, 0, 0, 0, 0, 0, 1)));
});

test('ipv6ToBytes reads what formatIpv6 writes, and the forms that people write', () => {
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(address, (bytes) => assert.deepEqual(ipv6ToBytes(formatIpv6(bytes)), bytes)),
    { seed: 1 },
  );
  fc.assert(
    fc.property(fc.ipV6(), (text) =>
      assert.equal(new URL(`http://[${text}]`).hostname, `[${formatIpv6(ipv6ToBytes(text))}]`),
    ),
    { seed: 1 },
  );
  for (const text of ['', '1::2::3', 'fe80::1%eth0', '1.2.3.4', '1:2:3:4:5:6:7']) {
    assert.throws(() => ipv6ToBytes(text), TypeError, text);
  }
});

test('isIpv6Address takes what isIPv6 of Node.js takes, but for scopes', () => {
  const part = fc.constantFrom(':', '::', '0', 'f', 'FE80', '12345', 'g', '1.2.3.4', '01.2.3.4', '.', '');
  const text = fc.array(part, { maxLength: 17 }).map((parts) => parts.join(''));
  const groups = fc
    .array(fc.constantFrom('0', 'ab', '1.2.3.4', ''), { maxLength: 10 })
    .map((parts) => parts.join(':'));
  fc.assert(
    fc.property(fc.oneof(text, groups, fc.ipV6()), (each) =>
      assert.equal(isIpv6Address(each), isIPv6(each), each),
    ),
    { seed: 1, numRuns: 5000 },
  );
});
