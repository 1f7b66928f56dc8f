// tsk operates a running device: the real command line against a virtual machine.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { LogLine } from '../../src/shared/services/services.ts';
import type { WebStatus } from '../../src/shared/api/web-api.ts';
import { openInstance } from '../../src/host/config/instance.ts';
import { Appliance, eventually } from '../support/machines/appliance.ts';
import { CommandLine } from '../support/cli/command-line.ts';
import { HOST_BOARD, HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';
import { atTheEnd } from '../support/at-the-end.ts';

/** Types make the lines of the bundle others than those of the file. */
const CRASHER = `interface Plan {
  reason: string;
}

function fail(plan: Plan): never {
  throw new Error(plan.reason);
}

setTimeout(() => fail({ reason: 'as planned' }), 100);
`;
const TICKER = `let ticks = 0;\nsetInterval(() => console.log(\`tick \${ticks++}\`), 500);\n`;

function makeInstance(t: TestContext, hostname: string): string {
  const directory = mkdtempSync(join(tmpdir(), `tsk-test-${hostname}-`));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'src'));
  writeFileSync(join(directory, 'src', 'crasher.ts'), CRASHER);
  writeFileSync(join(directory, 'src', 'ticker.ts'), TICKER);
  const apps = { crasher: { node: './src/crasher.ts' }, ticker: { node: './src/ticker.ts' } };
  const config = { hostname, board: HOST_BOARD_ID, kernel: { extraArgs: UNGUARDED }, apps };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  return directory;
}

test('tsk shows, steers and follows a device, over a reboot and until it is off', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const directory = makeInstance(t, 'operated');
  const appliance = await Appliance.boot(t, await openInstance(directory), { board: HOST_BOARD_ID });
  const garden = new CommandLine(directory);
  await looksAtIt(garden);
  await seesSourcePlaces(garden);
  await steersApps(garden);
  await isToldWhatIsWrong(t, garden, appliance);
  await followsOverReboot(garden);
  await readsTheBootBefore(garden);
  assert.match(await garden.succeeds('poweroff'), /^operated answers no more\./);
  assert.equal(await appliance.powerOff(), 'powered-off');
});

async function looksAtIt(garden: CommandLine): Promise<void> {
  const status = await garden.succeeds('status');
  assert.match(status, /^operated\n {2}Page +http:\/\/127\.0\.0\.1:\d+\/ \(virtual machine\)\n/);
  assert.match(status, /\/perm +\/dev\/vda4, /);
  const { system } = JSON.parse(await garden.succeeds('status', '--json')) as WebStatus;
  assert.deepEqual([system.hostname, system.board, system.slot], ['operated', HOST_BOARD_ID, 'a']);
  assert.match(await garden.succeeds('ps'), /^NAME +STATE +UPTIME +MEMORY +CPU +RESTARTS +LAST LINE\n/);
  const running = await eventually('ticks in ps', async () =>
    /^ticker +running .* tick \d+$/m.exec(await garden.succeeds('ps')),
  );
  assert.ok(running);
}

async function seesSourcePlaces(garden: CommandLine): Promise<void> {
  const log = await eventually('the stack of the crash', async () => {
    const text = await garden.succeeds('logs', 'crasher');
    return text.includes('Error: as planned') && text.includes('exited with code 1') && text;
  });
  assert.match(log, /! {5}at fail \(src\/crasher\.ts:6:9\)$/m);
  assert.match(log, /! {5}at .*src\/crasher\.ts:9:18\)$/m);
  assert.match(
    await garden.succeeds('logs', '--raw', 'crasher'),
    /at fail \(\/app\/crasher\/main\.cjs:\d+:\d+\)/,
  );
}

async function steersApps(garden: CommandLine): Promise<void> {
  assert.match(await garden.succeeds('restart', 'ticker'), /^Restarted ticker \(process \d+\)\.$/m);
  await garden.succeeds('stop', 'ticker', 'crasher');
  assert.match(await garden.succeeds('ps'), /^ticker +stopped +- /m);
  const started = JSON.parse(await garden.succeeds('start', 'ticker', '--json')) as {
    services: { startCount: number }[];
  };
  assert.equal(started.services[0]?.startCount, 3);
  const lines = (await garden.succeeds('logs', 'ticker', '-n', '2', '--json')).trim().split('\n');
  assert.equal(lines.length, 2);
  for (const line of lines) assert.equal(typeof (JSON.parse(line) as LogLine).timeMs, 'number');
  assert.equal(await garden.succeeds('logs', 'ticker', '--since', '0s', '-n', '0'), '');
}

async function isToldWhatIsWrong(t: TestContext, garden: CommandLine, appliance: Appliance): Promise<void> {
  assert.match(await garden.fails('logs', 'tikcer'), /Did you mean ticker\?/);
  assert.match(await garden.fails('logs', 'ticker', '--boot', '-1'), /no earlier one is kept/);
  const file = join(garden.directory, '.tskrazy', 'password');
  writeFileSync(file, 'not that of the device\n');
  assert.match(await garden.fails('ps'), /the password in ".*\.tskrazy\/password" is wrong/);
  writeFileSync(file, `${appliance.password}\n`);
  const shed = new CommandLine(makeInstance(t, 'shed'));
  mkdirSync(join(shed.directory, '.tskrazy'));
  writeFileSync(join(shed.directory, '.tskrazy', 'password'), 'another\n');
  const tlsPort = new URL(appliance.urlOf(443)).port;
  assert.match(
    await shed.fails('reboot', '--host', `127.0.0.1:${tlsPort}`),
    /Cannot talk to "127\.0\.0\.1:\d+": the identity of the device is not in this instance/,
  );
  const another = await shed.fails('reboot', '--insecure-http', '--host', appliance.url);
  assert.match(
    another,
    /Cannot talk to "shed": another device answers at 127\.0\.0\.1:\d+: it calls itself "operated"/,
  );
}

async function followsOverReboot(garden: CommandLine): Promise<void> {
  const follower = garden.follow('logs', '-f', 'ticker', '-n', '1');
  await eventually('ticks to follow', async () => (follower.stdout.match(/tick/g) ?? []).length > 1);
  const before = follower.stdout.length;
  assert.match(await garden.succeeds('reboot'), /^operated is back after /m);
  await eventually('the follower to be back', async () => /operated has rebooted.*/s.test(follower.stderr));
  await eventually('ticks of the new boot', async () => /tick 2$/m.test(follower.stdout.slice(before)));
  assert.match(follower.stderr, /^-- lost the connection to operated; waiting for it --$/m);
  assert.equal(await follower.interrupt(), 0);
}

async function readsTheBootBefore(garden: CommandLine): Promise<void> {
  const ticker = await garden.succeeds('logs', 'ticker', '--boot', '-1');
  assert.match(ticker, /tick \d+$/m);
  assert.match(ticker, /\* killed by SIGTERM\n$/);
  assert.match(
    await garden.succeeds('logs', 'init', '--boot', '-1'),
    /restart: asked for by the control API$/m,
  );
  assert.match(await garden.succeeds('logs', 'kernel', '--boot', '-1', '-n', '5000'), /Linux version/);
  assert.match(
    await garden.succeeds('logs', 'crasher', '--boot', '-1'),
    /at fail \(src\/crasher\.ts:6:9\)$/m,
  );
}
