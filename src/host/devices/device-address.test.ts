import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceUrl, formatDeviceAddress, parseDeviceAddress } from './device-address.ts';

test('parseDeviceAddress takes names, addresses and ports', () => {
  const cases: [string, string, number][] = [
    ['garden', 'garden', 80],
    ['garden.local:8080', 'garden.local', 8080],
    ['10.0.0.5:81', '10.0.0.5', 81],
    ['http://127.0.0.1:40909/', '127.0.0.1', 40909],
    ['fe80::1%eth0', 'fe80::1%eth0', 80],
    ['[fe80::1]', 'fe80::1', 80],
    ['[2001:db8::1]:8080', '2001:db8::1', 8080],
  ];
  for (const [text, host, port] of cases) assert.deepEqual(parseDeviceAddress(text, 80), { host, port });
});

test('parseDeviceAddress refuses what is neither', () => {
  for (const text of [
    '',
    'a b',
    'garden:',
    'garden:0',
    'garden:70000',
    '[garden]',
    '[::1',
    'a/b',
    'https://x',
    ':80',
  ]) {
    assert.throws(() => parseDeviceAddress(text, 80), /Cannot use ".*" as a host/, text);
  }
});

test('formatDeviceAddress and deviceUrl leave out what is usual', () => {
  assert.equal(formatDeviceAddress({ host: '10.0.0.5', port: 80 }), '10.0.0.5');
  assert.equal(formatDeviceAddress({ host: 'fe80::1%eth0', port: 81 }), '[fe80::1%eth0]:81');
  assert.equal(deviceUrl({ host: 'fe80::1%eth0', port: 81 }), 'http://[fe80::1]:81/');
});
