// The net service in a network namespace: against dnsmasq, and against a server that misbehaves on purpose.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import {
  NetworkLab,
  type ScriptedServer,
  type ServerBehaviour,
  SECOND_SERVER_ADDRESS,
  SERVER_ADDRESS,
} from '../support/network/network-lab.ts';
import { requireTool } from '../support/require-tool.ts';

const ADDRESS = '10.77.0.50';
const GOOD = { id: SERVER_ADDRESS, address: ADDRESS, discover: 'offer', request: 'ack' } as const;
const hasAddress = ({ addresses }: { addresses: readonly string[] }): boolean =>
  addresses.some((address) => !address.includes(':'));

/** A lab whose client has an address from a scripted server. */
async function boundLab(
  lab: NetworkLab,
  behaviour: Partial<ServerBehaviour['servers'][number]> = {},
): Promise<ScriptedServer> {
  lab.plugIn();
  const server = lab.startServer();
  await server.behave({ servers: [{ ...GOOD, ...behaviour }] });
  lab.startNet();
  await lab.status(({ dhcp, addresses }) => dhcp?.state === 'bound' && hasAddress({ addresses }));
  return server;
}

/** By router advertisements, and nothing else. */
function announcePrefix(lab: NetworkLab): void {
  lab.onServer('addr', 'add', 'fd77::1/64', 'dev', 'srv0', 'nodad');
  lab.spawnOnServer(
    'dnsmasq',
    '--no-daemon',
    '--port=0',
    '--conf-file=/dev/null',
    '--interface=srv0',
    '--enable-ra',
    '--dhcp-range=fd77::,ra-only,64,1h',
  );
}

function hasUla({ addresses }: { addresses: readonly string[] }): boolean {
  return addresses.some((address) => address.startsWith('fd77:'));
}

function macOf(lab: NetworkLab, name: string): string {
  return /link\/ether (\S+)/.exec(lab.onDevice('-o', 'link', 'show', name))?.[1] ?? 'none';
}

void suite('the net service', { concurrency: 4 }, () => {
  test('takes everything that dnsmasq offers, and the same address again after a restart', async (t) => {
    if (requireTool(t, 'dnsmasq') === undefined) return;
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    lab.onServer('addr', 'add', 'fd77::1/64', 'dev', 'srv0', 'nodad');
    lab.spawnOnServer(
      'dnsmasq',
      '--no-daemon',
      '--port=0',
      '--no-ping',
      '--conf-file=/dev/null',
      '--interface=srv0',
      '--dhcp-authoritative',
      `--dhcp-leasefile=${join(lab.root, 'dnsmasq.leases')}`,
      '--dhcp-range=10.77.0.50,10.77.0.60,1h',
      '--dhcp-option=option:router,10.77.0.1,10.77.0.2',
      '--dhcp-option=option:dns-server,10.77.0.1,9.9.9.9',
      '--dhcp-option=option:domain-search,home.lan,work.lan',
      '--dhcp-option=option:ntp-server,10.77.0.9',
      '--dhcp-option=option:mtu,1400',
      '--dhcp-option=option:classless-static-route,0.0.0.0/0,10.77.0.1,172.30.0.0/16,10.77.0.2',
      '--enable-ra',
      '--dhcp-range=fd77::,ra-only,64,1h',
      '--dhcp-option=option6:dns-server,[fd77::1]',
    );
    const first = lab.startNet();
    const status = await lab.status(
      ({ dhcp, addresses }) => dhcp?.state === 'bound' && hasAddress({ addresses }),
    );
    const address = status.addresses.find((each) => !each.includes(':'));
    assert.match(address ?? '', /^10\.77\.0\.(5\d|60)\/24$/);
    assert.deepEqual(status.gateways, ['10.77.0.1']);
    assert.deepEqual(status.ntpServers, ['10.77.0.9']);
    assert.equal(status.dhcp?.lease?.leaseSec, 3600);
    const routes = lab.onDevice('route');
    assert.match(
      routes,
      /^default via 10\.77\.0\.1 dev eth0 proto dhcp src 10\.77\.0\.\d+ metric \d+ onlink/m,
    );
    assert.match(routes, /^172\.30\.0\.0\/16 via 10\.77\.0\.2 dev eth0 proto dhcp/m);
    assert.match(lab.onDevice('link', 'show', 'eth0'), /mtu 1400/);
    // From the router advertisement: the server by its option, an address by the kernel.
    await lab.file(
      'run/net/resolv.conf',
      /search home\.lan work\.lan\nnameserver 10\.77\.0\.1\nnameserver 9\.9\.9\.9\nnameserver fd77::1\n/,
    );
    await lab.status(({ addresses }) => addresses.some((each) => each.startsWith('fd77:')));
    await lab.line(
      /^eth0: 10\.77\.0\.\d+\/24 from 10\.77\.0\.1, router 10\.77\.0\.1, 1 route, DNS 10\.77\.0\.1 9\.9\.9\.9, lease 1 hour$/,
    );

    await lab.stop(first);
    lab.lines.length = 0;
    lab.onDevice('addr', 'add', '10.99.0.1/24', 'dev', 'eth0');
    lab.startNet();
    await lab.line(/^eth0: 10\.77\.0\.\d+\/24 from/);
    await lab.status(({ addresses }) => address !== undefined && addresses.includes(address));
    assert.ok(lab.lines.some((line) => line.includes('DHCPREQUEST')));
    assert.ok(!lab.lines.some((line) => line.includes('DHCPDISCOVER')));
    assert.doesNotMatch(lab.onDevice('addr'), /10\.99\.0\.1/);
  });

  test('keeps IPv6 when the server asks for an MTU that would end it', async (t) => {
    if (requireTool(t, 'dnsmasq') === undefined) return;
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    announcePrefix(lab);
    const server = lab.startServer();
    const modest = { ...GOOD, routers: [SERVER_ADDRESS], leaseSec: 60, renewSec: 1, rebindSec: 50 };
    await server.behave({ servers: [{ ...modest, options: { 26: '0240' } }] });
    lab.startNet();
    const status = await lab.status(
      ({ dhcp, addresses }) => dhcp?.state === 'bound' && hasAddress({ addresses }) && hasUla({ addresses }),
    );
    assert.match(
      status.notes?.join() ?? '',
      /asks for an MTU of 576 bytes \(option 26\), which would end IPv6/,
    );
    assert.equal(status.problem, null);
    await lab.line(/^eth0: the DHCP server asks for an MTU of 576 bytes/);
    assert.match(lab.onDevice('link', 'show', 'eth0'), /mtu 1280/);
    const routes = lab.onDevice('route').trimEnd().split('\n');
    assert.equal(routes.length, 2, routes.join('\n'));
    assert.ok(
      routes.every((route) => route.includes('mtu 576')),
      routes.join('\n'),
    );
    // The same address without it: all is as without DHCP.
    await server.behave({ servers: [modest] });
    await lab.status(({ notes }) => notes?.length === 0);
    await lab.poll(
      () => lab.onDevice('link', 'show', 'eth0') + lab.onDevice('route'),
      (text) => text.includes('mtu 1500') && !text.includes('mtu 576'),
    );
    assert.match(lab.onDevice('route'), /^10\.77\.0\.0\/24 dev eth0 proto kernel scope link/m);
  });

  test('is online in a network that has unique local addresses alone, and finds no fault with it', async (t) => {
    if (requireTool(t, 'dnsmasq') === undefined) return;
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    announcePrefix(lab);
    lab.startNet();
    await lab.file('run/tsk/net.json', /"online": true/);
    const status = await lab.status(({ notes }) => (notes?.length ?? 0) > 0);
    assert.ok(hasUla(status), JSON.stringify(status));
    assert.deepEqual(status.notes, ['No DHCP server answers: the network has IPv6 alone']);
    assert.equal(status.problem, null);
  });

  for (const [what, server] of [
    ['without an identifier', { ...GOOD, options: { 54: null } }],
    ['that names itself in the offer alone', { ...GOOD, ackOptions: { 54: null } }],
    ['behind a relay without an identifier', { ...GOOD, id: '10.99.0.1', options: { 54: null } }],
    ['without a lease time', { ...GOOD, options: { 51: null } }],
    ['that says everything twice', { ...GOOD, options: { 51: '00000e1000000e10', 54: '0a4d00010a4d0001' } }],
  ] as const) {
    test(`takes an address from a server ${what}`, async (t) => {
      const lab = NetworkLab.create(t);
      if (lab === undefined) return;
      await boundLab(lab, server);
      const { dhcp, problem } = await lab.status(hasAddress);
      assert.equal(dhcp?.lease?.server, SERVER_ADDRESS);
      assert.equal(dhcp.lease.leaseSec, 3600);
      assert.equal(problem, null);
    });
  }

  test('takes both of two names in one option', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    await boundLab(lab, { options: { 15: Buffer.from('home.lan work.lan').toString('hex') } });
    await lab.file('run/net/resolv.conf', /^search home\.lan work\.lan$/m);
  });

  test('says what is wrong with answers that cannot be used, not that there are none', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    const server = lab.startServer();
    await server.behave({ servers: [{ ...GOOD, address: '0.0.0.0' }] });
    lab.startNet();
    await lab.status(
      (status) => status.problem === `${SERVER_ADDRESS} offers 0.0.0.0, which no host can have`,
    );
    const { request: _none, ...silentLater } = GOOD;
    await server.behave({ servers: [silentLater] });
    await lab.status(
      (status) => status.problem === `${SERVER_ADDRESS} offered an address, but does not confirm it`,
    );
  });

  test('renews by unicast, rebinds by broadcast, drops the address at the end and comes back', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    const server = await boundLab(lab, { leaseSec: 6, renewSec: 1, rebindSec: 3 });
    await server.sees(new RegExp(`^request with ${ADDRESS}$`));
    await lab.status(({ dhcp }) => dhcp?.state === 'bound');
    await server.behave({ servers: [] });
    await server.sees(new RegExp(`^request with ${ADDRESS}$`));
    await lab.status(({ dhcp }) => dhcp?.state === 'rebinding');
    await server.sees(new RegExp(`^request with ${ADDRESS}$`));
    await lab.status(({ addresses }) => !hasAddress({ addresses }));
    assert.doesNotMatch(lab.onDevice('route'), /default/);
    await server.behave({ servers: [GOOD] });
    await lab.status(({ dhcp, addresses }) => dhcp?.state === 'bound' && hasAddress({ addresses }));
  });

  test('starts over when a renewal is refused', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    const server = await boundLab(lab, { leaseSec: 60, renewSec: 1, rebindSec: 50 });
    await server.behave({ servers: [{ ...GOOD, address: '10.77.0.70', request: 'nak' }] });
    await lab.line(/10\.77\.0\.1 refuses the address/);
    await server.behave({ servers: [{ ...GOOD, address: '10.77.0.70' }] });
    const status = await lab.status(({ addresses }) => addresses.includes('10.77.0.70/24'));
    assert.ok(!status.addresses.includes(`${ADDRESS}/24`));
  });

  test('declines an address that another host uses', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    lab.onServer('addr', 'add', `${ADDRESS}/24`, 'dev', 'srv0');
    const server = lab.startServer();
    await server.behave({ servers: [GOOD] });
    lab.startNet();
    await server.sees(new RegExp(`^decline of ${ADDRESS} from ${SERVER_ADDRESS}$`));
    const status = await lab.status(({ dhcp }) => dhcp?.state === 'waiting');
    assert.ok(!hasAddress(status));
    assert.match(status.problem ?? '', /used by another device/);
    await server.behave({ servers: [{ ...GOOD, address: '10.77.0.51' }] });
    await lab.status(({ addresses }) => addresses.includes('10.77.0.51/24'));
  });

  test('gives its address up when another host goes on using it', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    const server = await boundLab(lab);
    await server.behave({ servers: [] });
    lab.onServer('addr', 'add', `${ADDRESS}/24`, 'dev', 'srv0');
    // The kernel announces an address when it is asked to; gratuitous ARP is what a booting host sends.
    const announce = `
      const { openConflictSocket } = await import('${new URL('../../src/device/sys/packet-socket.ts', import.meta.url).href}');
      const { arpAnnouncement, encodeArp } = await import('${new URL('../../src/formats/arp-packet.ts', import.meta.url).href}');
      const [index] = process.argv.slice(1).map(Number);
      const mac = Uint8Array.of(2, 0, 0, 0, 0, 9);
      const socket = openConflictSocket(index, mac, '${ADDRESS}');
      for (let count = 0; count < 3; count++) socket.broadcast(encodeArp(arpAnnouncement(mac, '${ADDRESS}')));`;
    const index = /^(\d+): srv0/m.exec(lab.onServer('-o', 'link', 'show', 'srv0'))?.[1] ?? '';
    lab.spawnOnServer(process.execPath, '--input-type=module', '--eval', announce, index);
    await lab.line(/02:00:00:00:00:09 uses 10\.77\.0\.50 too; keeping it unless that goes on/);
    await server.sees(/^decline/);
    await lab.status(({ addresses }) => !hasAddress({ addresses }));
  });

  test('does not take itself for another host with two cables to one switch', async (t) => {
    if (requireTool(t, 'dnsmasq') === undefined) return;
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIntoSwitch();
    lab.spawnOnServer(
      'dnsmasq',
      '--no-daemon',
      '--port=0',
      '--no-ping',
      '--conf-file=/dev/null',
      '--interface=srv0',
      `--dhcp-leasefile=${join(lab.root, 'dnsmasq.leases')}`,
      '--dhcp-range=10.77.0.50,10.77.0.60,1h',
      // Both ask at the same time, and dnsmasq may offer one address to both.
      `--dhcp-host=${macOf(lab, 'eth0')},10.77.0.50`,
      `--dhcp-host=${macOf(lab, 'eth1')},10.77.0.51`,
      '--dhcp-option=option:T1,4',
    );
    lab.startNet({ eth0: { ipv4: 'dhcp', metric: 1 }, eth1: { ipv4: 'dhcp', metric: 2 } });
    const { addresses } = await lab.status(({ dhcp }) => dhcp?.state === 'bound', 'eth1');
    await lab.status(({ dhcp }) => dhcp?.state === 'bound');
    const address = addresses.find((each) => !each.includes(':'))?.replace('/24', '') ?? '';
    // What comes to one interface is answered through the other, and each of the two hosts is asked for by ARP there.
    const connect = `
      const { connect } = require('node:net');
      for (const localAddress of ['${SERVER_ADDRESS}', '${SECOND_SERVER_ADDRESS}'])
        connect({ port: 9, host: '${address}', localAddress }).on('error', ({ code }) => console.log(localAddress, code));`;
    lab.spawnOnServer(process.execPath, '--eval', connect);
    for (const host of [SERVER_ADDRESS, SECOND_SERVER_ADDRESS]) await lab.line(new RegExp(`^${host} ECONN`));
    // A unicast comes to the interface whose address it goes to: renewals are answered.
    const renewed = lab.lines.length;
    await lab.line(new RegExp(`DHCPACK\\(srv0\\) ${address.replaceAll('.', '\\.')}`), renewed);
    await lab.status(({ dhcp }) => dhcp?.state === 'bound', 'eth1');
    assert.match(lab.onServer('neigh', 'show', address), new RegExp(macOf(lab, 'eth1')));
    assert.ok(!lab.lines.some((line) => /uses the address|uses .* too/.test(line)), lab.lines.join('\n'));
  });

  test('prefers the server that keeps its word', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    const server = lab.startServer();
    await server.behave({
      servers: [
        { ...GOOD, request: 'nak' },
        { ...GOOD, id: SECOND_SERVER_ADDRESS, address: '10.77.0.80' },
      ],
    });
    lab.startNet();
    const status = await lab.status(({ dhcp }) => dhcp?.state === 'bound');
    assert.equal(status.dhcp?.lease?.server, SECOND_SERVER_ADDRESS);
  });

  test('gets an address in a flood of garbage', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    const server = lab.startServer();
    await server.behave({ servers: [], garbage: 5000 });
    const net = lab.startNet();
    for (let count = 0; count < 2; count++) await server.sees(/^discover/);
    await server.behave({ servers: [GOOD], garbage: 5000 });
    await lab.status(({ addresses }) => addresses.includes(`${ADDRESS}/24`));
    assert.equal(net.exitCode, null);
  });

  test('keeps the address while the cable is out and asks for it when it is back', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    const server = await boundLab(lab);
    lab.disconnectServer();
    const without = await lab.status(({ carrier }) => !carrier);
    assert.equal(without.dhcp?.state, 'no-carrier');
    assert.ok(hasAddress(without));
    assert.match(without.problem ?? '', /No cable/);
    lab.connectServer();
    await server.sees(new RegExp(`^request of ${ADDRESS}$`));
    await lab.status(({ dhcp }) => dhcp?.state === 'bound');
  });

  test('asks routers for what they advertise when the cable is back, and after a restart', async (t) => {
    if (requireTool(t, 'dnsmasq') === undefined) return;
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    lab.onServer('addr', 'add', 'fd77::1/64', 'dev', 'srv0', 'nodad');
    const files = ['--conf-file=/dev/null', `--dhcp-leasefile=${join(lab.root, 'dnsmasq.leases')}`];
    const advertised = ['--dhcp-range=fd77::,ra-only,64,1h', '--dhcp-option=option6:dns-server,[fd77::1]'];
    lab.spawnOnServer('dnsmasq', '--no-daemon', '--port=0', ...files, '--enable-ra', ...advertised);
    const first = lab.startNet();
    await lab.file('run/net/resolv.conf', /nameserver fd77::1/);
    lab.onServer('link', 'set', 'srv0', 'down');
    await lab.file('run/net/resolv.conf', /tskrazy\/net\n$/);
    const replugged = lab.lines.length;
    lab.onServer('link', 'set', 'srv0', 'up');
    lab.onServer('addr', 'replace', 'fd77::1/64', 'dev', 'srv0', 'nodad');
    await lab.line(/RTR-SOLICIT/, replugged);
    await lab.file('run/net/resolv.conf', /nameserver fd77::1/);
    await lab.stop(first);
    const restarted = lab.lines.length;
    lab.startNet();
    await lab.line(/RTR-SOLICIT/, restarted);
    await lab.file('run/net/resolv.conf', /nameserver fd77::1/);
  });

  test('finds an interface that is plugged in later and lets one go', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.startNet();
    await lab.statusWithout();
    lab.plugIn();
    const server = lab.startServer();
    await server.behave({ servers: [GOOD] });
    await lab.status(({ addresses }) => addresses.includes(`${ADDRESS}/24`));
    lab.onDevice('link', 'del', 'eth0');
    await lab.statusWithout();
    lab.plugIn();
    await server.behave({ servers: [GOOD] });
    await lab.status(({ addresses }) => addresses.includes(`${ADDRESS}/24`));
  });

  test('leaves interfaces alone that are neither wired hardware nor named', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    lab.startNet({});
    await lab.statusWithout();
    assert.match(lab.onDevice('link', 'show', 'eth0'), /state DOWN/);
  });

  test('configures a static address, with its router and DNS', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    lab.startNet({
      eth0: {
        ipv4: 'static',
        address: '10.77.0.5/24',
        gateway: '10.77.0.1',
        dns: ['10.77.0.3'],
        search: ['home.lan'],
        metric: 7,
      },
    });
    const status = await lab.status(
      ({ addresses, carrier }) => carrier && addresses.includes('10.77.0.5/24'),
    );
    assert.deepEqual(status.gateways, ['10.77.0.1']);
    assert.equal(status.problem, null);
    assert.match(
      lab.onDevice('route'),
      /^default via 10\.77\.0\.1 dev eth0 proto static src 10\.77\.0\.5 metric 7/m,
    );
    await lab.file('run/net/resolv.conf', /search home\.lan\nnameserver 10\.77\.0\.3\n/);
  });

  test('puts routes back after someone switched the interface off', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    const server = lab.startServer();
    await server.behave({ servers: [{ ...GOOD, routers: [SERVER_ADDRESS] }] });
    lab.startNet();
    await lab.status(({ dhcp }) => dhcp?.state === 'bound');
    lab.onDevice('link', 'set', 'eth0', 'down');
    await server.sees(new RegExp(`^request of ${ADDRESS}$`));
    await lab.status(({ dhcp, carrier }) => carrier && dhcp?.state === 'bound');
    assert.match(lab.onDevice('route'), /^default via 10\.77\.0\.1/m);
  });

  test('uses what it can of a lease whose routers make no sense', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    const server = lab.startServer();
    await server.behave({ servers: [{ ...GOOD, routers: ['10.77.0.255', SERVER_ADDRESS] }] });
    lab.startNet();
    const status = await lab.status(({ dhcp }) => dhcp?.state === 'bound');
    assert.match(status.problem ?? '', /route to 0\.0\.0\.0\/0 through 10\.77\.0\.255 was refused: EINVAL/);
    assert.match(lab.onDevice('route'), /^default via 10\.77\.0\.1/m);
  });

  test('says in the status file what is wrong with a configuration', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    lab.startNet({ eth0: { ipv4: 'static', address: '10.77.0.5' } });
    const status = await lab.status(({ problem }) => problem !== null);
    assert.match(status.problem ?? '', /Cannot use the address 10\.77\.0\.5: .*prefix length/);
  });

  test('reaches the world through the second router when the first is dead', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    lab.onServer('link', 'set', 'lo', 'up');
    lab.onServer('addr', 'add', '198.51.100.7/32', 'dev', 'lo');
    const server = lab.startServer();
    await server.behave({ servers: [{ ...GOOD, routers: ['10.77.0.254', SERVER_ADDRESS] }] });
    lab.startNet();
    await lab.status(({ addresses }) => addresses.includes(`${ADDRESS}/24`));
    lab.spawnOnServer(
      process.execPath,
      '--eval',
      `require('net').createServer((socket) => socket.end()).listen(7777)`,
    );
    const connect = `
      const { connect } = require('node:net');
      function attempt() {
        connect(7777, '198.51.100.7').on('connect', () => { console.log('reached'); process.exit(); })
          .on('error', () => setTimeout(attempt, 50));
      }
      attempt();`;
    lab.spawnOnDevice(process.execPath, '--eval', connect);
    await lab.line(/^reached$/);
  });

  test('leaves the resolv.conf of another program alone, and lives with a read-only data partition', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    mkdirSync(join(lab.root, 'run/net'), { recursive: true });
    const foreign = '# generated by tailscale\nnameserver 100.100.100.100\n';
    writeFileSync(join(lab.root, 'run/net/resolv.conf'), foreign);
    writeFileSync(join(lab.root, 'perm/net'), 'in the way');
    await boundLab(lab);
    await lab.line(/resolv\.conf belongs to another program/);
    await lab.line(/cannot remember the lease/);
    assert.equal(readFileSync(join(lab.root, 'run/net/resolv.conf'), 'utf8'), foreign);
    assert.ok(existsSync(join(lab.root, 'run/tsk/net.json')));
    assert.deepEqual(readdirSync(join(lab.root, 'run/tsk')).toSorted(), ['net.json', 'time.json']);
  });
});
