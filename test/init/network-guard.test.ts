// Ports and networks of apps, tried on the real kernel: processes without privileges in cgroups of their own.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { service } from '../support/init/init-scenario.ts';
import {
  DEVICE_ADDRESS,
  DEVICE_IPV6,
  FAR_ADDRESS,
  FAR_IPV6,
  GuardedApps,
  LAN_ADDRESS,
  LAN_IPV6,
} from '../support/network/guarded-apps.ts';

const WEB = service('web', { kind: 'system', listen: [{ name: 'http', port: 80 }] });

test('an app listens where it is configured to, and init says where it is not', async (t) => {
  const apps = GuardedApps.create(t, [WEB]);
  if (!apps) return;
  const shop = apps.start('shop', { ports: ['tcp/443', 'udp/5000-5002', 'tcp/8000-8002'] });
  for (const host of ['0.0.0.0', '::', '127.0.0.1', '::1']) {
    assert.equal(await shop.try('bindUdp', host, 5001), 'ok');
    assert.equal(await shop.try('listen', host, 80), 'EPERM', host);
  }
  assert.equal(await shop.try('listen', '::', 443), 'ok');
  assert.equal(await shop.try('listen', '::', 8002), 'ok');
  assert.equal(await shop.try('listen', '::', 8003), 'EPERM');
  assert.equal(await shop.try('listen', '::', 5000), 'EPERM');
  assert.equal(await shop.try('bindUdp', '::', 443), 'EPERM');
  assert.match(await shop.try('listen', '::', 0), /^ok \d+$/);
  assert.equal(await shop.try('sendUdp', '127.0.0.1', 9), 'ok');
  apps.guard.look();
  assert.deepEqual(apps.said, [
    "shop was not let listen on TCP port 80, which is that of the device's page",
    'shop was not let listen on TCP port 8003: give it "ports": ["tcp/8003"] in tskrazy.json',
    'shop was not let listen on TCP port 5000: give it "ports": ["tcp/5000"] in tskrazy.json',
    'shop was not let listen on UDP port 443: give it "ports": ["udp/443"] in tskrazy.json',
  ]);
});

test('an app that says nothing has the ports from 1024 on that nobody else has', async (t) => {
  const apps = GuardedApps.create(t, [WEB]);
  if (!apps) return;
  apps.start('named', { ports: ['tcp/8080', 'udp/5353'] });
  const plain = apps.start('plain');
  const expected: [string, number, string][] = [
    ['listen', 1023, 'EPERM'],
    ['listen', 1024, 'ok'],
    ['listen', 8079, 'ok'],
    ['listen', 8080, 'EPERM'],
    ['listen', 8081, 'ok'],
    ['bindUdp', 8080, 'ok'],
    ['bindUdp', 5353, 'EPERM'],
    ['bindUdp', 68, 'EPERM'],
    ['listen', 65535, 'ok'],
  ];
  for (const [act, port, result] of expected) {
    assert.equal(await plain.try(act, '::', port), result, `${act} ${port}`);
  }
  apps.guard.look();
  assert.ok(apps.said.includes('plain was not let listen on TCP port 8080, which is that of app "named"'));
  const kernel = (name: string): string =>
    readFileSync(join(apps.lab.root, 'proc/sys/net/ipv4', name), 'utf8');
  assert.equal(kernel('ip_unprivileged_port_start'), '1024');
  assert.equal(kernel('ip_local_reserved_ports'), '80,68,5353,8080,5353');
  // An update brings an app that names a port: from then on those that run have it no more.
  apps.start('later', { ports: ['tcp/9000'] });
  assert.equal(await plain.try('listen', '::', 9000), 'EPERM');
});

test('an app with "outbound" reaches everybody but the device, and nobody reaches it', async (t) => {
  const apps = GuardedApps.create(t, [WEB]);
  if (!apps) return;
  publishNetwork(apps);
  const [device, outside] = [apps.onDevice(), apps.outside()];
  assert.equal(await device.try('listen', '::', 80), 'ok');
  assert.equal(await outside.try('listen', '::', 80), 'ok');
  const app = apps.start('client', { network: 'outbound' });
  for (const host of [LAN_ADDRESS, LAN_IPV6, FAR_ADDRESS, FAR_IPV6]) {
    assert.equal(await app.try('connect', host, 80), 'ok', host);
    assert.equal(await app.try('sendUdp', host, 80), 'ok', host);
  }
  for (const host of [
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '0.0.0.0',
    '::',
    '::ffff:127.0.0.1',
    DEVICE_ADDRESS,
    DEVICE_IPV6,
  ]) {
    assert.equal(await app.try('connect', host, 80), 'EPERM', host);
    assert.equal(await app.try('sendUdp', host, 80), 'EPERM', host);
    assert.equal(await app.try('connectUdp', host, 80), 'EPERM', host);
  }
  assert.equal(await app.try('listen', '::', 8080), 'EPERM');
  const [ok, port] = (await app.try('listen', '::', 0)).split(' ');
  assert.equal(ok, 'ok');
  for (const host of [DEVICE_ADDRESS, DEVICE_IPV6]) {
    assert.equal(await outside.try('connect', host, Number(port)), 'silence', host);
    assert.equal(await device.try('connect', host, Number(port)), 'silence', host);
    assert.equal(await outside.try('connect', host, 80), 'ok', host);
  }
  apps.guard.look();
  assert.ok(
    apps.said.includes('client was not let to 127.0.0.1, TCP port 80: "network" of this app is "outbound"'),
  );
});

test('an own address that init does not know of yet is not reached either', async (t) => {
  const apps = GuardedApps.create(t);
  if (!apps) return;
  const device = apps.onDevice();
  assert.equal(await device.try('listen', '::', 80), 'ok');
  const app = apps.start('client', { network: 'outbound' });
  assert.equal(await app.try('connect', DEVICE_ADDRESS, 80), 'silence');
  assert.equal(await app.try('connect', DEVICE_IPV6, 80), 'silence');
});

test('an app with "lan" reaches the networks of the device and its name servers, and is reached from there', async (t) => {
  const apps = GuardedApps.create(t, [WEB]);
  if (!apps) return;
  publishNetwork(apps);
  const [device, outside] = [apps.onDevice(), apps.outside()];
  for (const port of [53, 80]) assert.equal(await outside.try('listen', '::', port), 'ok');
  assert.equal(await device.try('listen', '::', 80), 'ok');
  const app = apps.start('server', { network: 'lan' });
  assert.equal(await app.try('listen', '::', 8080), 'ok');
  for (const host of [LAN_ADDRESS, LAN_IPV6, '127.0.0.1', DEVICE_ADDRESS]) {
    assert.equal(await app.try('connect', host, 80), 'ok', host);
    assert.equal(await app.try('sendUdp', host, 80), 'ok', host);
  }
  for (const host of [FAR_IPV6, '203.0.113.1']) {
    assert.equal(await app.try('connect', host, 80), 'EPERM', host);
    assert.equal(await app.try('connectUdp', host, 80), 'EPERM', host);
    assert.equal(await app.try('sendUdp', host, 80), 'EPERM', host);
    assert.equal(await app.try('connect', host, 53), 'EPERM', host);
  }
  // The far address is the name server's.
  assert.equal(await app.try('connect', FAR_ADDRESS, 80), 'EPERM');
  assert.equal(await app.try('connect', FAR_ADDRESS, 53), 'ok');
  assert.equal(await app.try('sendUdp', FAR_ADDRESS, 53), 'ok');
  for (const host of [DEVICE_ADDRESS, DEVICE_IPV6]) {
    assert.equal(await outside.try('connect', host, 8080), 'ok', host);
    assert.equal(await device.try('connect', host, 8080), 'ok', host);
  }
  // From here on whoever comes from there has an address of nobody's network.
  apps.publish({ addresses: [`${DEVICE_ADDRESS}/24`], dns: [] });
  apps.lab.onServer('route', 'replace', `${DEVICE_ADDRESS}/32`, 'dev', 'srv0', 'src', FAR_ADDRESS);
  assert.equal(await outside.try('connect', DEVICE_ADDRESS, 8080), 'silence');
  assert.equal(await outside.try('connect', DEVICE_ADDRESS, 80), 'ok');
  assert.equal(await app.try('connect', FAR_ADDRESS, 53), 'EPERM');
});

test('an app with "none" and no sandbox gets no socket of the internet', async (t) => {
  const apps = GuardedApps.create(t);
  if (!apps) return;
  const app = apps.start('hermit', { network: 'none' });
  for (const act of ['connect', 'listen', 'bindUdp', 'sendUdp']) {
    for (const host of ['127.0.0.1', '::1']) assert.equal(await app.try(act, host, 8080), 'EPERM', act);
  }
  // Another configuration of the same app, in the cgroup that there is: all that was attached is gone.
  const free = apps.start('hermit');
  assert.equal(await free.try('listen', '127.0.0.1', 8080), 'ok');
});

/** As `net` does it: from here on init knows the device's addresses. */
function publishNetwork(apps: GuardedApps): void {
  apps.publish({ addresses: [`${DEVICE_ADDRESS}/24`, `${DEVICE_IPV6}/64`], dns: [FAR_ADDRESS] });
}
