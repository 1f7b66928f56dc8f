import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { networkSchema } from './network.ts';
import type { NetworkConfig } from '../network/network-config.ts';

test('networkSchema takes every kind of interface, as NetworkConfig', () => {
  const network = {
    eth0: {
      ipv4: 'static',
      address: '192.168.1.5/24',
      gateway: '192.168.1.1',
      dns: ['192.168.1.1', 'fd00::1'],
      search: ['home.lan'],
      metric: 7,
    },
    eth1: { ipv4: 'off' },
    '*': { ipv4: 'dhcp', dns: ['9.9.9.9'] },
  };
  const parsed: NetworkConfig = v.parse(networkSchema, network);
  assert.deepEqual(parsed, network);
});

test('networkSchema says what a value must be', () => {
  const cases: [unknown, RegExp][] = [
    [{ eth0: 'dhcp' }, /"ipv4" is "dhcp", "static" or "off"/],
    [{ eth0: { ipv4: 'auto' } }, /"ipv4" is "dhcp", "static" or "off"/],
    [{ eth0: { ipv4: 'static', address: '192.168.1.5' } }, /prefix length like/],
    [{ eth0: { ipv4: 'static', address: '192.168.1.5/0' } }, /prefix length like/],
    [{ eth0: { ipv4: 'static', address: '192.168.1.256/24' } }, /prefix length like/],
    [{ eth0: { ipv4: 'static', address: '192.168.1/24' } }, /prefix length like/],
    [{ eth0: { ipv4: 'static', address: '127.0.0.1/8' } }, /that a host can have/],
    [{ eth0: { ipv4: 'static', address: '10.0.0.5/8', gateway: '10.0.0.1/8' } }, /IPv4 address like/],
    [{ eth0: { ipv4: 'dhcp', dns: ['dns.example'] } }, /must be an IP address/],
    [{ eth0: { ipv4: 'dhcp', metric: 0 } }, /at least 1/],
    [{ 'an interface': { ipv4: 'off' } }, /is no interface name/],
  ];
  for (const [value, message] of cases) {
    const result = v.safeParse(networkSchema, value);
    assert.match(result.issues?.[0]?.message ?? 'no issue', message, JSON.stringify(value));
  }
  assert.equal(v.safeParse(networkSchema, { eth0: { ipv4: 'dhcp', adress: 'x' } }).success, false);
});

test('networkSchema keeps Wi-Fi apart from interfaces', () => {
  const wifi = { country: 'DE', networks: [{ ssid: 'home' }, { ssid: 'ü'.repeat(16), hidden: true }] };
  assert.deepEqual(v.parse(networkSchema, { wifi, wlan0: { ipv4: 'dhcp', metric: 50 } }).wifi, wifi);
});
