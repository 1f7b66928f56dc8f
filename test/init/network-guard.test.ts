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

test('other apps do not get to the inspector of one that is debugged, for as long as it is', async (t) => {
  const apps = GuardedApps.create(t, [WEB]);
  if (!apps) return;
  publishNetwork(apps);
  const debugged = apps.start('debugged');
  const others = [apps.start('plain'), apps.start('neighbour', { network: 'lan' })];
  const [, inspector = ''] = (await debugged.try('listen', '127.0.0.1', 0)).split(' ');
  const [, page = ''] = (await debugged.try('listen', '127.0.0.1', 0)).split(' ');
  const places = ['127.0.0.1', '0.0.0.0', '::ffff:127.0.0.1'];
  const [first] = others;
  assert.equal(await first?.try('connectBySending', '', Number(page)), 'ok');
  const hasMptcp = (await first?.try('connectMptcp', '', Number(page))) === 'ok';
  apps.guard.hideInspectors(new Map([['debugged', Number(inspector)]]));
  // One that starts in the meantime is kept away as well.
  for (const other of [...others, apps.start('late')]) {
    for (const host of places) {
      assert.equal(await other.try('connect', host, Number(inspector)), 'EPERM', host);
      assert.equal(await other.try('connect', host, Number(page)), 'ok', host);
    }
    assert.equal(await other.try('connectBySending', '', Number(inspector)), 'refused');
    if (hasMptcp) assert.equal(await other.try('connectMptcp', '', Number(inspector)), 'refused');
  }
  for (const owner of [debugged, apps.onDevice()])
    assert.equal(await owner.try('connect', '127.0.0.1', Number(inspector)), 'ok');
  apps.guard.hideInspectors(new Map());
  for (const other of others) assert.equal(await other.try('connect', '127.0.0.1', Number(inspector)), 'ok');
  // Whose port that is nobody has to know.
  apps.guard.look();
  assert.deepEqual(apps.said, []);
});

test('the inspector of an app with "outbound" is reached by the device, and by nobody else', async (t) => {
  const apps = GuardedApps.create(t, [WEB]);
  if (!apps) return;
  publishNetwork(apps);
  const debugged = apps.start('client', { network: 'outbound' });
  const other = apps.start('plain');
  const [device, outside] = [apps.onDevice(), apps.outside()];
  const [, inspector = ''] = (await debugged.try('listen', '127.0.0.1', 0)).split(' ');
  const [, own = ''] = (await debugged.try('listen', '127.0.0.1', 0)).split(' ');
  const [, open = ''] = (await debugged.try('listen', '0.0.0.0', 0)).split(' ');
  const silentTo = async (port: string): Promise<void> =>
    assert.equal(await device.try('connect', '127.0.0.1', Number(port)), 'silence');
  await silentTo(inspector);
  apps.guard.hideInspectors(new Map([['client', Number(inspector)]]));
  assert.equal(await device.try('connect', '127.0.0.1', Number(inspector)), 'ok');
  for (const act of ['connect', 'connectUdp', 'sendUdp'])
    assert.equal(await debugged.try(act, '127.0.0.1', Number(inspector)), 'EPERM', act);
  assert.equal(await other.try('connect', '127.0.0.1', Number(inspector)), 'EPERM');
  await silentTo(own);
  await silentTo(open);
  assert.equal(await outside.try('connect', DEVICE_ADDRESS, Number(open)), 'silence');
  apps.guard.hideInspectors(new Map());
  await silentTo(inspector);
});

/** All that other programs of the device would hear as well: the kernel hands it a copy of what goes out. */
const EVERYBODY = [
  '255.255.255.255',
  '10.77.0.255',
  '224.0.0.251',
  '239.255.255.250',
  'ff02::fb%eth0',
  'ff05::5',
];

test('an app with "outbound" speaks to nobody by broadcast or in a group, and hears nothing of them', async (t) => {
  const apps = GuardedApps.create(t);
  if (!apps) return;
  publishNetwork(apps);
  const device = apps.onDevice();
  const app = apps.start('client', { network: 'outbound' });
  const [free, local] = [apps.start('free'), apps.start('local', { network: 'lan' })];
  for (const host of EVERYBODY) {
    const [group = ''] = host.split('%');
    const [, port] = (await device.try('hearUdp', group, 0)).split(' ');
    const [, appPort] = (await app.try('hearUdp', group, 0)).split(' ');
    for (const speaker of [free, local]) {
      assert.equal(await speaker.try('sendUdp', host, Number(port)), 'ok', host);
      assert.equal(await speaker.try('sendUdp', host, Number(appPort)), 'ok', host);
    }
    assert.equal(await device.try('heard', '', 0), '2', `${host} is heard from others`);
    assert.equal(await app.try('heard', '', 0), '0', host);
    assert.equal(await app.try('sendUdp', host, Number(port)), 'EPERM', host);
    assert.equal(await app.try('connectUdp', group, Number(port)), 'EPERM', host);
    assert.equal(await device.try('heard', '', 0), '0', host);
  }
  apps.guard.look();
  assert.match(
    apps.said.join('\n'),
    /client was not let to 255\.255\.255\.255, UDP port \d+: "network" of this app/,
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
