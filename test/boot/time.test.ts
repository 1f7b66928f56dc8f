// The clock of a real kernel, set by servers on the host: one of three lies by years, and an app waits for the truth.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openInstance } from '../../src/host/config/instance.ts';
import { Appliance, eventually } from '../support/machines/appliance.ts';
import { atTheEnd } from '../support/at-the-end.ts';
import { HOST_BOARD, HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { NtpServer } from '../support/network/ntp-server.ts';
import { requireTool } from '../support/require-tool.ts';

const DAY_MS = 24 * 3600 * 1000;
/** An emulated machine under load stands still now and then. */
const TOLERANCE_MS = 30_000;

/** Says what both clocks show, the kernel's and the hardware's. */
const WATCHER = `
import { readFileSync } from 'node:fs';
setInterval(() => {
  const hardwareMs = Number(readFileSync('/sys/class/rtc/rtc0/since_epoch', 'latin1')) * 1000;
  console.log(JSON.stringify({ nowMs: Date.now(), hardwareMs }));
}, 500);
`;

test('a device takes the time that two of three servers tell, before the apps that wait for it', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const servers = [
    await NtpServer.start(t, { aheadMs: 10 * 365 * DAY_MS }),
    await NtpServer.start(t, { aheadMs: 30 * DAY_MS }),
    await NtpServer.start(t, { aheadMs: 30 * DAY_MS }),
  ];
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-time-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'watcher.ts'), WATCHER);
  writeFileSync(
    join(directory, 'tskrazy.json'),
    JSON.stringify({
      hostname: 'punctual',
      board: HOST_BOARD_ID,
      kernel: { extraArgs: UNGUARDED },
      apps: { watcher: { node: 'watcher.ts', waitFor: ['clock'], sandbox: 'off' } },
      // How QEMU's user network calls the host's loopback.
      time: { servers: servers.map(({ port }) => `10.0.2.2:${port}`) },
    }),
  );
  const appliance = await Appliance.boot(t, await openInstance(directory), { board: HOST_BOARD_ID });
  const seen = await eventually('what the clocks show', async () => {
    const line = (await appliance.log('watcher')).match(/\{.*\}/)?.[0];
    return line !== undefined && (JSON.parse(line) as { nowMs: number; hardwareMs: number });
  });
  const expectedMs = Date.now() + 30 * DAY_MS;
  assert.ok(
    Math.abs(seen.nowMs - expectedMs) < TOLERANCE_MS,
    `the clock shows ${new Date(seen.nowMs).toISOString()}`,
  );
  assert.ok(
    Math.abs(seen.hardwareMs - expectedMs) < TOLERANCE_MS,
    `the hardware's ${new Date(seen.hardwareMs).toISOString()}`,
  );
  assert.match(
    await appliance.log('net'),
    /time: set forwards by 30 days, as 10\.0\.2\.2:\d+ with 1 more says/,
  );
  assert.match(await appliance.log('net'), /mdns: the device is punctual\.local/);
  assert.equal(await appliance.powerOff(), 'powered-off');
});
