import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { canonicalAddress, isOwnAddress } from './own-addresses.ts';

test('canonicalAddress: one form for each address, and none for what is none', () => {
  for (const [text, canonical] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['FE80:0:0::1%eth0', 'fe80::1'],
    ['fe80::1%25eth0', 'fe80::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['', undefined],
    ['garden', undefined],
    ['127.1', undefined],
    ['0x7f.0.0.1', undefined],
    ['::1::', undefined],
  ] as const)
    assert.equal(canonicalAddress(text), canonical, text);
});

test('isOwnAddress: all of loopback, what the connection came to, and what the kernel has', () => {
  const socket = { localAddress: '::ffff:198.51.100.7' };
  const ofKernel = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const own = ofKernel.map(({ address }) => canonicalAddress(address) ?? '');
  for (const address of ['127.0.0.1', '127.200.1.2', '::1', '198.51.100.7', ...own])
    assert.equal(isOwnAddress(address, socket), true, address);
  for (const address of ['198.51.100.8', '128.0.0.1', '2001:db8::1', '::2'])
    assert.equal(isOwnAddress(address, socket), false, address);
});
