import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOnLink } from './on-link.ts';

test('isOnLink compares by the prefixes of our own addresses', () => {
  const own = ['10.0.2.15/20', 'fe80::1/64', '2001:db8:0:1::5/64'];
  for (const address of ['10.0.2.2', '10.0.15.255', 'fe80::99', '2001:db8:0:1:ffff::1']) {
    assert.ok(isOnLink(address, own), address);
  }
  for (const address of ['10.0.16.1', '8.8.8.8', '2001:db8:0:2::1', '::1']) {
    assert.ok(!isOnLink(address, own), address);
  }
  assert.ok(!isOnLink('10.0.2.2', ['fe80::1/64']));
});
