// The net service's multicast DNS in network namespaces: seen by a querier, beside avahi, and beside a second of its kind.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test, type TestContext } from 'node:test';
import type { DnsMessage } from '../../src/formats/dns-message.ts';
import { NetworkLab } from '../support/network/network-lab.ts';
import { requireTool } from '../support/require-tool.ts';

const ASK = new URL('../support/network/mdns-ask.ts', import.meta.url).pathname;
const TIME_LIMIT_MS = 30_000;
const ADDRESS = '10.77.0.5';

/** A lab whose net service has an address and is about to claim its name. */
function startLab(t: TestContext): NetworkLab | undefined {
  const lab = NetworkLab.create(t);
  if (lab === undefined) return undefined;
  lab.plugIn();
  lab.startNet({ eth0: { ipv4: 'static', address: `${ADDRESS}/24` } });
  return lab;
}

/** A response that is what the test waits for, to a question asked from the other end of the cable. */
async function ask(
  lab: NetworkLab,
  args: readonly string[],
  wanted: (message: DnsMessage) => boolean,
): Promise<DnsMessage> {
  const child = lab.spawnOnServer(process.execPath, ASK, 'srv0', ...args);
  const lines = createInterface({ input: child.stdout });
  const limit = setTimeout(() => lines.close(), TIME_LIMIT_MS);
  try {
    for await (const line of lines) {
      const message = JSON.parse(line) as DnsMessage;
      if (wanted(message)) return message;
    }
    throw new Error(`No answer to ${args.join(' ')}\n${lab.lines.join('\n')}`);
  } finally {
    clearTimeout(limit);
    await lab.stop(child);
  }
}

/** One answer and no announcement: `A garden.local`. */
function isAnswer(wanted: string): (message: DnsMessage) => boolean {
  return ({ answers }) => {
    const [answer, ...more] = answers;
    return more.length === 0 && answer !== undefined && `${answer.data.type} ${answer.name}` === wanted;
  };
}

function isGoodbye({ answers }: DnsMessage): boolean {
  return answers.length > 0 && answers.every(({ ttlSec }) => ttlSec === 0);
}

void suite('multicast DNS of the net service', { concurrency: 4 }, () => {
  test('finds the device by name, address and service, in both families', async (t) => {
    const lab = startLab(t);
    if (lab === undefined) return;
    const a = await ask(lab, ['ipv4', 'A', 'GARDEN.local', 'legacy'], ({ id }) => id === 4711);
    assert.deepEqual(a.answers[0]?.data, { type: 'A', address: ADDRESS });
    const aaaa = await ask(lab, ['ipv6', 'AAAA', 'garden.local'], isAnswer('AAAA garden.local'));
    assert.match(JSON.stringify(aaaa.answers[0]?.data), /"address":"fe80:/);
    await ask(lab, ['ipv4', 'PTR', '5.0.77.10.in-addr.arpa'], isAnswer('PTR 5.0.77.10.in-addr.arpa'));
    const device = await ask(
      lab,
      ['ipv4', 'PTR', '_tskrazy._tcp.local'],
      isAnswer('PTR _tskrazy._tcp.local'),
    );
    const texts = device.additionals.flatMap(({ data }) => (data.type === 'TXT' ? data.strings : []));
    assert.deepEqual(texts, ['board=pc-amd64', 'build=b0a7', 'version=0.1.0']);
    assert.ok(device.additionals.some(({ data }) => data.type === 'SRV' && data.target === 'garden.local'));
  });

  test('answers hosts whose addresses are none of its network, as long as they use the group', async (t) => {
    const lab = startLab(t);
    if (lab === undefined) return;
    lab.onServer('addr', 'flush', 'dev', 'srv0');
    lab.onServer('addr', 'add', '192.168.50.9/24', 'dev', 'srv0');
    lab.onServer('route', 'replace', 'default', 'dev', 'srv0');
    await ask(lab, ['ipv4', 'A', 'garden.local'], isAnswer('A garden.local'));
  });

  test('answers neighbours that ask it alone, and nobody from elsewhere', async (t) => {
    const lab = startLab(t);
    if (lab === undefined) return;
    lab.onServer('addr', 'add', 'fd77::1/64', 'dev', 'srv0', 'nodad');
    await lab.line(/mdns: the device is garden\.local/);
    lab.onDevice('addr', 'add', 'fd77::5/64', 'dev', 'eth0', 'nodad');
    for (const address of [ADDRESS, 'fd77::5']) {
      await ask(lab, ['any', 'A', 'garden.local', address], ({ id }) => id === 4711);
    }
    // Asked at the same time, and from this very host: only the address that it asks from is another.
    lab.onServer('addr', 'add', '192.168.50.9/32', 'dev', 'srv0');
    lab.onServer('route', 'add', `${ADDRESS}/32`, 'dev', 'srv0', 'src', '192.168.50.9');
    lab.onDevice('route', 'add', '192.168.50.9/32', 'dev', 'eth0');
    const stranger = lab.spawnOnServer(process.execPath, ASK, 'srv0', 'any', 'A', 'garden.local', ADDRESS);
    let isAnswered = false;
    stranger.stdout.on('data', () => (isAnswered = true));
    for (let count = 0; count < 3; count++) {
      await ask(lab, ['any', 'A', 'garden.local', 'fd77::5'], ({ id }) => id === 4711);
    }
    assert.ok(!isAnswered);
  });

  test('is found by tsk', async (t) => {
    const lab = startLab(t);
    if (lab === undefined) return;
    await lab.line(/mdns: the device is garden\.local/);
    const query = `
      const { queryMulticastDns } = await import('${new URL('../../src/host/devices/multicast-dns.ts', import.meta.url).href}');
      for (let found = []; found.length === 0;) {
        found = await queryMulticastDns('garden.local', AbortSignal.timeout(10000));
        process.stdout.write('found ' + found.join(' ') + '\\n');
      }`;
    lab.spawnOnServer(process.execPath, '--input-type=module', '--eval', query);
    await lab.line(/^found 10\.77\.0\.5( |$)/);
  });

  test('says goodbye when it is stopped, and is there again on another cable', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    const net = lab.startNet({ eth0: { ipv4: 'static', address: `${ADDRESS}/24` } });
    // The interface comes while the service runs.
    lab.plugIn();
    await lab.line(/mdns: the device is garden\.local/);
    await lab.file('run/tsk/net.json', /"mdnsName": "garden\.local"/);
    lab.disconnectServer();
    await lab.file('run/tsk/net.json', /"mdnsName": null/);
    lab.connectServer();
    await lab.file('run/tsk/net.json', /"mdnsName": "garden\.local"/);
    await ask(lab, ['ipv4', 'A', 'garden.local'], (message) => {
      if (net.exitCode === null) net.kill('SIGTERM');
      return isGoodbye(message);
    });
  });

  test('is garden-2 when avahi is garden', async (t) => {
    const avahi = requireTool(t, 'avahi-daemon');
    const lab = avahi === undefined ? undefined : NetworkLab.create(t);
    if (avahi === undefined || lab === undefined) return;
    lab.plugIn();
    startAvahi(lab, avahi);
    await lab.line(/Server startup complete\. Host name is garden\.local/);
    lab.startNet({ eth0: { ipv4: 'static', address: `${ADDRESS}/24` } });
    await lab.line(/mdns: eth0: garden\.local belongs to another host; trying garden-2\.local/);
    await lab.line(/mdns: the device is garden-2\.local/);
    await lab.file('run/tsk/net.json', /"mdnsName": "garden-2\.local"/);
  });

  test('makes avahi garden-2 when it is garden itself', async (t) => {
    const avahi = requireTool(t, 'avahi-daemon');
    const lab = avahi === undefined ? undefined : startLab(t);
    if (avahi === undefined || lab === undefined) return;
    // In both families: it probes once more when it gets the address of the second, and two that probe are equals.
    lab.onServer('addr', 'add', 'fd77::1/64', 'dev', 'srv0', 'nodad');
    await ask(lab, ['ipv6', 'AAAA', 'garden.local'], isAnswer('AAAA garden.local'));
    startAvahi(lab, avahi);
    await lab.line(/Host name conflict, retrying with garden-2/);
    await lab.line(/Server startup complete\. Host name is garden-2\.local/);
    assert.ok(!lab.lines.some((line) => line.includes('the device is garden-2')));
  });

  test('claims its name in a flood of garbage', async (t) => {
    const lab = startLab(t);
    if (lab === undefined) return;
    const flood = `
      const { MulticastSocket } = await import('${new URL('../../src/device/sys/multicast-socket.ts', import.meta.url).href}');
      const { randomBytes } = await import('node:crypto');
      const { setTimeout: delay } = await import('node:timers/promises');
      const socket = new MulticastSocket({ name: 'srv0', index: Number(process.argv[1]) }, { family: 'ipv4', address: '224.0.0.251', port: 5353 });
      for (let count = 0; count < 10000; count++) {
        const packet = randomBytes(12 + count % 300);
        // Plausible counts, so that more than the header is read.
        packet.set([0, 0, count & 0x80, 0, 0, count & 3, 0, 1, 0, 0, 0, 0]);
        socket.send(packet);
        if (count % 50 === 0) await delay(5);
      }
      process.stdout.write('done\\n');
      socket.close();`;
    const index = /^(\d+): srv0/m.exec(lab.onServer('-o', 'link', 'show', 'srv0'))?.[1] ?? '';
    lab.spawnOnServer(process.execPath, '--input-type=module', '--eval', flood, index);
    await lab.line(/^done$/);
    await lab.line(/mdns: the device is garden/);
    const { answers: found } = await ask(
      lab,
      ['ipv4', 'A', 'garden.local', 'legacy'],
      ({ id }) => id === 4711,
    );
    assert.equal(found.length, 1);
  });
});

function startAvahi(lab: NetworkLab, avahi: string): void {
  const config = join(lab.root, 'avahi.conf');
  writeFileSync(
    config,
    [
      '[server]',
      'host-name=garden',
      'enable-dbus=no',
      'allow-interfaces=srv0',
      '[publish]',
      'publish-workstation=no',
      '',
    ].join('\n'),
  );
  // avahi-daemon runs once only by its PID file; `ip netns exec` has given it mounts of its own.
  const script = 'mount -t tmpfs tmpfs /run && exec "$@"';
  const args = ['--file', config, '--no-drop-root', '--no-chroot', '--no-rlimits', '--debug'];
  lab.spawnOnServer('sh', '-c', script, 'sh', avahi, ...args);
}
