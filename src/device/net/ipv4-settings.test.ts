import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from './dhcp/lease.ts';
import { describeLease, settingsOfLease, settingsOfStatic } from './ipv4-settings.ts';

const LEASE: Lease = {
  address: '10.0.2.15',
  prefixLength: 24,
  server: '10.0.2.2',
  routers: ['10.0.2.2'],
  routes: [],
  dns: ['10.0.2.3'],
  search: [],
  ntpServers: [],
  mtu: null,
  leaseSec: 86_400,
  renewSec: 43_200,
  notes: [],
  isServerNamed: true,
  rebindSec: 75_600,
};

test('describeLease says what a person wants to know', () => {
  assert.equal(
    describeLease(LEASE),
    '10.0.2.15/24 from 10.0.2.2, router 10.0.2.2, DNS 10.0.2.3, lease 1 day',
  );
  const lines = [
    { ...LEASE, leaseSec: 5400, routers: [], dns: [] },
    {
      ...LEASE,
      leaseSec: null,
      dns: [],
      routes: [{ destination: '10.9.0.0', prefixLength: 16, router: '10.0.2.9' }],
    },
    { ...LEASE, leaseSec: 45, dns: [], routers: ['10.0.2.2', '10.0.2.3'] },
  ].map(describeLease);
  assert.deepEqual(lines, [
    '10.0.2.15/24 from 10.0.2.2, no router, lease 1.5 hours',
    '10.0.2.15/24 from 10.0.2.2, router 10.0.2.2, 1 route, lease without end',
    '10.0.2.15/24 from 10.0.2.2, router 10.0.2.2 10.0.2.3, lease 45 seconds',
  ]);
});

test('settingsOfLease makes routes in order of preference, all with the metric of the interface', () => {
  const lease = {
    ...LEASE,
    routers: ['10.0.2.2', '10.0.2.3'],
    routes: [{ destination: '10.9.0.0', prefixLength: 16, router: '0.0.0.0' }],
  };
  const base = { linkIndex: 3, metric: 103, origin: 'dhcp' };
  assert.deepEqual(settingsOfLease(lease, 60, { index: 3, metric: 103 }).routes, [
    { ...base, destination: '10.9.0.0', prefixLength: 16 },
    { ...base, destination: '0.0.0.0', prefixLength: 0, gateway: '10.0.2.2' },
    { ...base, destination: '0.0.0.0', prefixLength: 0, gateway: '10.0.2.3' },
  ]);
});

test('settingsOfLease leaves IPv6 what it needs, and keeps IPv4 to what the server asks for', () => {
  const link = { index: 3, metric: 103 };
  const small = settingsOfLease({ ...LEASE, mtu: 576 }, 60, link);
  assert.equal(small.mtu, 1280);
  assert.deepEqual(
    small.routes.map(({ origin, destination, prefixLength, mtu }) => [
      origin,
      destination,
      prefixLength,
      mtu,
    ]),
    [
      ['kernel', '10.0.2.0', 24, 576],
      ['dhcp', '0.0.0.0', 0, 576],
    ],
  );
  for (const mtu of [1280, 1400, 9000]) {
    const settings = settingsOfLease({ ...LEASE, mtu }, 60, link);
    assert.equal(settings.mtu, mtu);
    assert.deepEqual(settings.routes, settingsOfLease(LEASE, 60, link).routes);
  }
  const single = settingsOfLease({ ...LEASE, prefixLength: 32, mtu: 1279 }, 60, link);
  assert.deepEqual(
    single.routes.map(({ origin, mtu }) => [origin, mtu]),
    [['dhcp', 1279]],
  );
});

test('settingsOfStatic reads the configuration and refuses what it cannot read', () => {
  const link = { index: 2, metric: 102 };
  const settings = settingsOfStatic({ ipv4: 'static', address: '192.168.1.5/24' }, link);
  assert.deepEqual(
    [settings.address, settings.prefixLength, settings.routes, settings.validSec],
    ['192.168.1.5', 24, [], null],
  );
  assert.throws(() => settingsOfStatic({ ipv4: 'static', address: '192.168.1.5' }, link), TypeError);
});
