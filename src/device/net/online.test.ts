import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOnline } from './online.ts';

test('isOnline wants an address that a router has to do with', () => {
  const cases: [addresses: string[], gateways: string[], isIpv4Expected: boolean, online: boolean][] = [
    [[], [], false, false],
    [['10.0.0.5/24'], ['10.0.0.1'], true, true],
    [['10.0.0.5/24'], [], true, false],
    [['fe80::1/64'], ['10.0.0.1'], false, false],
    [['fe80::1/64', '2001:db8::1/64'], [], true, true],
    [['fd77::1/64'], [], true, false],
    [['fe80::1/64', 'fd77::1/64'], [], false, true],
    [['fc00:1::1/64'], [], false, true],
    [['fe80::1/64'], [], false, false],
    [['fd77::1/64', '10.0.0.5/24'], ['10.0.0.1'], true, true],
  ];
  for (const [addresses, gateways, isIpv4Expected, online] of cases) {
    const text = JSON.stringify([addresses, gateways, isIpv4Expected]);
    assert.equal(isOnline({ carrier: true, addresses, gateways }, isIpv4Expected), online, text);
    assert.equal(isOnline({ carrier: false, addresses, gateways }, isIpv4Expected), false, text);
  }
});
