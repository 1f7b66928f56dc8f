// The time client against a server that is not ours.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TimeServer } from '../../src/device/net/ntp/time-server.ts';
import { SystemClock } from '../../src/device/sys/clock.ts';
import { NetworkLab } from '../support/network/network-lab.ts';
import { requireTool } from '../support/require-tool.ts';

const TRIES = 500;

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

test("TimeServer finds chrony's clock, which is ours, to be right", async (t) => {
  const chronyd = requireTool(t, 'chronyd');
  if (chronyd === undefined) return;
  const directory = mkdtempSync(join(tmpdir(), 'tsk-chrony-'));
  const port = await freePort();
  const config = join(directory, 'chrony.conf');
  writeFileSync(
    config,
    [
      'local stratum 8',
      'allow 127.0.0.0/8',
      `port ${port}`,
      'cmdport 0',
      'bindcmdaddress /',
      `pidfile ${directory}/pid`,
      '',
    ].join('\n'),
  );
  // -x: it leaves the clock of this computer alone.
  const child = spawn(chronyd, ['-d', '-x', '-u', 'root', '-f', config], { stdio: 'ignore' });
  t.after(async () => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, 'exit');
    }
    rmSync(directory, { recursive: true });
  });
  const clock = new SystemClock();
  const server = new TimeServer(`127.0.0.1:${port}`);
  const limits = { floorMs: Date.UTC(2026, 0, 1), ceilingMs: Date.UTC(2076, 0, 1) };
  // Until it listens, and until it has made up its mind that it knows the time.
  for (let count = 0; count < TRIES && server.best(performance.now()) === undefined; count++) {
    await server.ask({ limits, nowMs: () => clock.nowMs(), timeLimitMs: 200 });
    await delay(20);
  }
  const best = server.best(performance.now());
  assert.ok(best, JSON.stringify(server.status(false)));
  assert.equal(best.stratum, 8);
  assert.ok(Math.abs(best.offsetMs) <= best.delayMs / 2 + 1, JSON.stringify(best));
});

test('TimeServer finds the one address of a name that a network with IPv6 alone leads to', async (t) => {
  if (requireTool(t, 'dnsmasq') === undefined) return;
  const lab = NetworkLab.create(t);
  if (lab === undefined) return;
  lab.plugIn();
  lab.onServer('addr', 'add', 'fd77::1/64', 'dev', 'srv0', 'nodad');
  lab.onDevice('link', 'set', 'eth0', 'up');
  lab.onDevice('addr', 'add', 'fd77::5/64', 'dev', 'eth0', 'nodad');
  const records = ['203.0.113.1', '203.0.113.2', '203.0.113.3', 'fd77::1'].map(
    (address) => `--host-record=time.lan,${address}`,
  );
  const options = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--bind-dynamic'];
  lab.spawnOnServer('dnsmasq', ...options, '--interface=srv0', ...records);
  const serve = `
    const { createSocket } = await import('node:dgram');
    const { encodeAnswer } = await import('${new URL('../support/network/ntp-server.ts', import.meta.url).href}');
    const socket = createSocket('udp6').bind(123, 'fd77::1', () => console.log('serving'));
    socket.on('message', (bytes, { port, address }) => socket.send(encodeAnswer(bytes, {}), port, address));`;
  lab.spawnOnServer(process.execPath, '--input-type=module', '--eval', serve);
  await lab.line(/^serving$/);
  await lab.line(/dnsmasq: started/);
  const ask = `
    const { TimeServer } = await import('${new URL('../../src/device/net/ntp/time-server.ts', import.meta.url).href}');
    const server = new TimeServer('time.lan');
    const limits = { floorMs: 0, ceilingMs: Infinity };
    await server.ask({ limits, nowMs: () => Date.now(), timeLimitMs: 5000 });
    console.log('asked', server.status(false).address, server.best(performance.now())?.stratum);`;
  writeFileSync(join(lab.root, 'resolv.conf'), 'nameserver fd77::1\n');
  // A mount of its own: the resolver reads no other file.
  const script = `mount --bind "$1" /etc/resolv.conf && exec "$2" --input-type=module --eval "$3"`;
  const args = ['sh', join(lab.root, 'resolv.conf'), process.execPath, ask];
  lab.spawnOnDevice('unshare', '--mount', 'sh', '-c', script, ...args);
  await lab.line(/^asked/);
  assert.ok(lab.lines.includes('asked fd77::1 2'), lab.lines.join('\n'));
});
