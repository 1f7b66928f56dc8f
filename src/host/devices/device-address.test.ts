import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceUrl, formatDeviceAddress, pageUrl, parseHost } from './device-address.ts';

test('parseHost takes names, addresses and ports', () => {
  const cases: [string, string, number | undefined][] = [
    ['garden', 'garden', undefined],
    ['garden.local:8080', 'garden.local', 8080],
    ['10.0.0.5:81', '10.0.0.5', 81],
    ['http://127.0.0.1:40909/', '127.0.0.1', 40909],
    ['https://garden.local/', 'garden.local', undefined],
    ['fe80::1%eth0', 'fe80::1%eth0', undefined],
    ['[fe80::1]', 'fe80::1', undefined],
    ['[2001:db8::1]:8080', '2001:db8::1', 8080],
  ];
  for (const [text, host, port] of cases) assert.deepEqual(parseHost(text), { host, port });
});

test('parseHost refuses what is neither', () => {
  for (const text of [
    '',
    'a b',
    'garden:',
    'garden:0',
    'garden:70000',
    '[garden]',
    '[::1',
    'a/b',
    'ssh://x',
    'https://x/y',
    ':80',
  ]) {
    assert.throws(() => parseHost(text), /Cannot use ".*" as a host/, text);
  }
});

test('formatDeviceAddress and deviceUrl leave out what is usual', () => {
  assert.equal(formatDeviceAddress({ host: '10.0.0.5', port: 80, tls: false }), '10.0.0.5');
  assert.equal(formatDeviceAddress({ host: 'fe80::1%eth0', port: 81, tls: false }), '[fe80::1%eth0]:81');
  assert.equal(deviceUrl({ host: 'fe80::1%eth0', port: 81, tls: false }), 'http://[fe80::1]:81/');
  assert.equal(formatDeviceAddress({ host: '10.0.0.5', port: 443, tls: true }), '10.0.0.5');
  const machine = { host: '127.0.0.1', port: 4443, tls: true, plainPort: 8080 };
  assert.equal(pageUrl('virtual machine', machine), 'http://127.0.0.1:8080/');
  assert.equal(pageUrl('host', machine), 'https://127.0.0.1:4443/');
  assert.equal(deviceUrl({ host: '10.0.0.5', port: 80, tls: true }), 'https://10.0.0.5:80/');
});
