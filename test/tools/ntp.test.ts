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
