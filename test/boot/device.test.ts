// One machine from its first start to its last, as it is used: an example with its database, the clock set by servers of
// which one lies, services that crash, fork and wait, and tsk that looks, steers and follows over a restart.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { WebStatus } from '../../src/shared/api/web-api.ts';
import type { LogLine } from '../../src/shared/services/services.ts';
import { SHELL_COMMANDS } from '../../src/shared/services/shell.ts';
import { NODE_VERSIONS } from '../../src/host/components/node-versions.ts';
import { openInstance } from '../../src/host/config/instance.ts';
import { Appliance, copyExample, eventually } from '../support/machines/appliance.ts';
import { exampleRuns } from '../support/machines/native-addons.ts';
import { atTheEnd } from '../support/at-the-end.ts';
import { CommandLine } from '../support/cli/command-line.ts';
import { HOST_BOARD, HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { NtpServer } from '../support/network/ntp-server.ts';
import { requireTool } from '../support/require-tool.ts';

const DAY_MS = 24 * 3600 * 1000;
/** An emulated machine under load stands still now and then. */
const TOLERANCE_MS = 30_000;

/** Says what both clocks show, the kernel's and the hardware's. */
const WATCHER = `
import { readFileSync } from 'node:fs';
const hardwareMs = Number(readFileSync('/sys/class/rtc/rtc0/since_epoch', 'latin1')) * 1000;
console.log(JSON.stringify({ nowMs: Date.now(), hardwareMs }));
setInterval(() => {}, 1e6);
`;

/** The child starts a process in a session of its own that ignores SIGTERM, and leaves it an orphan. */
const FORKER = `
import { spawn } from 'node:child_process';
const stubborn = "/* orphan */ process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)";
const child = \`
  const { spawn } = require('node:child_process');
  const orphan = spawn('/bin/node', ['-e', \${JSON.stringify(stubborn)}], { detached: true, stdio: 'ignore' });
  console.log('orphaned');
  process.exit();
\`;
spawn('/bin/node', ['-e', child], { stdio: 'inherit' });
setInterval(() => {}, 1e6);
`;

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

/** Looks for orphans, by what is in their command line, and for zombies. */
const OBSERVER = `
import { readdirSync, readFileSync } from 'node:fs';
setInterval(() => {
  const orphans = [];
  const zombies = [];
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    try {
      const stat = readFileSync('/proc/' + pid + '/stat', 'utf8');
      if (stat[stat.lastIndexOf(')') + 2] === 'Z') zombies.push(Number(pid));
      const commandLine = readFileSync('/proc/' + pid + '/cmdline', 'utf8');
      if (commandLine.startsWith('/bin/node\\0-e\\0/* orphan')) orphans.push(Number(pid));
    } catch {}
  }
  console.log(JSON.stringify({ orphans, zombies }));
}, 1000);
`;

/** Uses the SDK, which is not installed beside it. */
const POLITE = `
import { dataDir, log, onShutdown, ready, waitFor } from 'tskrazy/app';
onShutdown(() => log.info('goodbye'));
await waitFor('app:observer');
await ready();
log.info('at work', { dataDir });
setInterval(() => {}, 1e6);
`;

/** Tries whatever listens on loopback, and has something to do. */
const SPY = `
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
setInterval(() => {
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\\n')) {
    const [, local = '', , state] = line.trim().split(/ +/);
    const [address, hex = ''] = local.split(':');
    if (state !== '0A' || address !== '0100007F') continue;
    const port = Number.parseInt(hex, 16);
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => { console.log('got to ' + port); socket.destroy(); });
    socket.on('error', ({ code }) => console.log('kept from ' + port + ': ' + code));
  }
}, 500);

function burn(ms: number): void {
  const until = Date.now() + ms;
  while (Date.now() < until);
}
setInterval(() => burn(20), 100);
`;

/** Says on which Node.js it runs, and on which one what it starts by its name. */
const VERSIONED = `
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
console.log('sees of a shell: ' + readdirSync('/tsk/shell').length + ' ' + existsSync('/bin/sh'));
execFile('node', ['-p', 'process.version'], (error, stdout) => {
  console.log('runs on ' + process.version + ', starts ' + (error?.message ?? stdout));
});
setInterval(() => {}, 1e6);
`;

/** Uses a shell, its commands and Node.js by its name. */
const SHELLED = `
import { execFile, execSync } from 'node:child_process';
console.log('by a shell: ' + execSync('echo "$(uname -s) and $(ls /bin | grep -c .)" | tr a-z A-Z; node -p 6*7', { encoding: 'utf8' }));
execFile('/usr/bin/env', ['sh', '-c', 'exit 3'], (error) => console.log('by env: ' + error?.code));
setInterval(() => {}, 1e6);
`;

interface Observation {
  orphans: number[];
  zombies: number[];
}

const SOURCES = {
  crasher: CRASHER,
  ticker: TICKER,
  spy: SPY,
  forker: FORKER,
  observer: OBSERVER,
  polite: POLITE,
  watcher: WATCHER,
  versioned: VERSIONED,
  shelled: SHELLED,
};
const APPS = {
  crasher: { node: './src/crasher.ts' },
  ticker: { node: './src/ticker.ts' },
  spy: { node: './src/spy.ts' },
  // Three processes that the second boot can do without.
  forker: { node: './src/forker.ts', autostart: false },
  // In a sandbox it would see only itself.
  observer: { node: './src/observer.ts', sandbox: 'off' },
  polite: { node: './src/polite.ts', ready: true, waitFor: ['network'] },
  client: { node: './src/crasher.ts', waitFor: ['app:polite'], restart: 'never' },
  watcher: { node: './src/watcher.ts', waitFor: ['clock'], sandbox: 'off' },
  shelled: { node: './src/shelled.ts', shell: true, autostart: false },
  newer: { node: './src/versioned.ts', autostart: false },
  older: { node: './src/versioned.ts', nodeVersion: '22', autostart: false },
};

/** The example as it is, with APPS beside its own. */
async function makeInstance(t: TestContext, servers: readonly NtpServer[]): Promise<string> {
  const { directory } = await copyExample(t, 'native-addons', HOST_BOARD_ID);
  const path = join(directory, 'tskrazy.json');
  const example = JSON.parse(readFileSync(path, 'utf8').replaceAll(/^ *\/\/.*$/gm, '')) as { apps: object };
  for (const [name, source] of Object.entries(SOURCES))
    writeFileSync(join(directory, 'src', `${name}.ts`), source);
  const config = {
    ...example,
    hostname: 'operated',
    board: HOST_BOARD_ID,
    kernel: { extraArgs: UNGUARDED },
    // How QEMU's user network calls the host's loopback.
    time: { servers: servers.map(({ port }) => `10.0.2.2:${port}`) },
    apps: { ...example.apps, ...APPS },
  };
  writeFileSync(path, JSON.stringify(config));
  return directory;
}

test('a device keeps time, services and data, and tsk operates it, over a reboot and until it is off', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const servers = [
    await NtpServer.start(t, { aheadMs: 10 * 365 * DAY_MS }),
    await NtpServer.start(t, { aheadMs: 30 * DAY_MS }),
    await NtpServer.start(t, { aheadMs: 30 * DAY_MS }),
  ];
  const directory = await makeInstance(t, servers);
  const startedMs = Date.now();
  const appliance = await Appliance.boot(t, await openInstance(directory), { board: HOST_BOARD_ID });
  const garden = new CommandLine(directory);

  await t.test('an example with native add-ons runs', () => exampleRuns(appliance));
  await t.test('the clock is what two of three servers tell, before the apps that wait for it', () =>
    takesTime(appliance, startedMs),
  );
  await t.test('nothing survives the stop of its service, and a crash is the crash of one', () =>
    nothingSurvives(appliance),
  );
  await t.test('apps that say when they are ready, and wait for one another', () =>
    waitsForOthers(appliance),
  );
  await t.test('tsk shows it', () => looksAtIt(garden));
  await t.test('tsk shows stacks as they are in the sources', () => seesSourcePlaces(garden));
  await t.test('tsk looks into an app that runs', () => looksIntoAnApp(garden, appliance));
  await t.test('tsk brings a shell, in which whoever fills the memory has it to himself', () =>
    bringsAShell(garden, appliance),
  );
  await t.test("an app runs on a Node.js of its own beside one on the image's", () =>
    runsOnAnotherNode(garden, appliance),
  );
  await t.test('an app that was given a shell has it', () => hasAShell(garden, appliance));
  await t.test('tsk steers apps', () => steersApps(garden));
  await t.test('tsk says what is wrong', (t) => isToldWhatIsWrong(t, garden, appliance));
  await t.test('tsk follows over a reboot', () => followsOverReboot(garden));
  await t.test('tsk reads what the boot before said', () => readsTheBootBefore(garden));
  await t.test('the database is kept', async () => {
    await eventually('the count of the second boot', async () =>
      /2 starts? recorded/.test(await appliance.log('native-addons')),
    );
  });
  assert.match(await garden.succeeds('poweroff'), /^operated answers no more\./);
  assert.equal(await appliance.powerOff(), 'powered-off');
});

async function bringsAShell(garden: CommandLine, appliance: Appliance): Promise<void> {
  await garden.succeeds('ssh', '--open', '1h');
  const seen = await garden.tsk('ssh', 'id -un; ls /perm/ticker >/dev/null; exit 3');
  assert.deepEqual([seen.code, seen.stdout], [3, 'root\n'], seen.stderr);
  const before = await startsOf(appliance);
  // In small pieces: whoever asks for more at once than there is gets nothing.
  const filling = await garden.tsk('ssh', `awk 'BEGIN { for (;;) kept[i++] = sprintf("%100000s", "x") }'`);
  assert.notEqual(filling.code, 0);
  assert.deepEqual(await startsOf(appliance), before);
  await eventually('why the shell has ended', async () =>
    /killed: .*memory/.test(await garden.succeeds('logs', 'breakglass')),
  );
  // The session goes on.
  assert.equal(await garden.succeeds('ssh', 'echo here'), 'here\n');
  await garden.succeeds('ssh', '--close');
  assert.match(await garden.succeeds('ssh', '--status'), /^No break-glass session is open on operated\./);
}

/** How often each app was started; those that crash by themselves left out. */
async function startsOf(appliance: Appliance): Promise<object> {
  const services = await appliance.services();
  const steady = services.filter(({ name }) => !['crasher', 'client', 'breakglass'].includes(name));
  return Object.fromEntries(steady.map(({ name, startCount }) => [name, startCount]));
}

async function hasAShell(garden: CommandLine, appliance: Appliance): Promise<void> {
  await garden.succeeds('start', 'shelled');
  const said = await eventually('what its shell did', async () => {
    const log = await appliance.log('shelled');
    return log.includes('by env') && log;
  });
  assert.match(said, new RegExp(`by a shell: LINUX AND ${SHELL_COMMANDS.length + 2}\\n`));
  assert.match(said, / 42\n/);
  assert.match(said, /by env: 3\n/);
  await garden.succeeds('stop', 'shelled');
}

async function runsOnAnotherNode(garden: CommandLine, appliance: Appliance): Promise<void> {
  await garden.succeeds('start', 'newer');
  await garden.succeeds('start', 'older');
  const said = (app: string): Promise<string> =>
    eventually(`what ${app} runs on`, async () => /runs on .*/.exec(await appliance.log(app))?.[0]);
  const [newer, older] = [NODE_VERSIONS.node, NODE_VERSIONS['node-22']];
  assert.equal(await said('newer'), `runs on v${newer}, starts v${newer}`);
  assert.equal(await said('older'), `runs on v${older}, starts v${older}`);
  // That of the app that was given one.
  assert.match(await appliance.log('older'), /sees of a shell: 0 false/);
  const prompt = garden.follow('repl', 'older');
  prompt.type('process.execPath\n');
  assert.equal(await prompt.ended, 0, prompt.stderr);
  assert.equal(prompt.stdout, "'/opt/node-22/bin/node'\n");
  // Nothing that it needs is kept from it.
  assert.doesNotMatch(await appliance.log('older'), /the sandbox refused/);
  const { system } = JSON.parse(await garden.succeeds('status', '--json')) as WebStatus;
  assert.deepEqual([system.components['node'], system.components['node-22']], [newer, older]);
  for (const app of ['newer', 'older']) await garden.succeeds('stop', app);
}

/** What the app saw at its start lies between the start of its machine and now. */
async function takesTime(appliance: Appliance, startedMs: number): Promise<void> {
  const seen = await eventually('what the clocks show', async () => {
    const line = (await appliance.log('watcher')).match(/\{.*\}/)?.[0];
    return line !== undefined && (JSON.parse(line) as { nowMs: number; hardwareMs: number });
  });
  const hostMs = seen.nowMs - 30 * DAY_MS;
  assert.ok(
    startedMs - TOLERANCE_MS < hostMs && hostMs < Date.now() + TOLERANCE_MS,
    `the clock shows ${new Date(seen.nowMs).toISOString()}`,
  );
  assert.ok(
    Math.abs(seen.hardwareMs - seen.nowMs) < TOLERANCE_MS,
    `the hardware's ${new Date(seen.hardwareMs).toISOString()}`,
  );
  assert.match(
    await appliance.log('net'),
    /time: set forwards by 30 days, as 10\.0\.2\.2:\d+ with 1 more says/,
  );
  assert.match(await appliance.log('net'), /mdns: the device is operated\.local/);
}

interface Observation {
  orphans: number[];
  zombies: number[];
}

async function lastObservation(appliance: Appliance): Promise<Observation> {
  const lines = (await appliance.log('observer')).split('\n');
  const json = lines.map((line) => /\{.*\}$/.exec(line)?.[0]).findLast((found) => found !== undefined);
  if (json === undefined) throw new Error('The observer has said nothing yet');
  return JSON.parse(json) as Observation;
}

async function nothingSurvives(appliance: Appliance): Promise<void> {
  const start = await appliance.request('api/v1/services/forker/start', 'POST');
  assert.equal(start.status, 200);
  await eventually('the orphan to be seen', async () => {
    return (await lastObservation(appliance)).orphans.length > 0;
  });
  const stop = await appliance.request('api/v1/services/forker/stop', 'POST');
  assert.equal(stop.status, 200);
  await eventually('an observation without orphan and zombies', async () => {
    const { orphans, zombies } = await lastObservation(appliance);
    return orphans.length === 0 && zombies.length === 0;
  });
  const crasher = await eventually('the crasher to have been started again', async () => {
    const service = await appliance.service('crasher');
    return service.startCount > 1 && service;
  });
  assert.equal(crasher.lastExit?.code, 1);
  assert.equal((await appliance.service('observer')).startCount, 1);
}

async function waitsForOthers(appliance: Appliance): Promise<void> {
  await eventually('the client of the polite app to have been started', async () => {
    return (await appliance.service('client')).state === 'failed';
  });
  assert.match(await appliance.log('client'), /waits for app polite[^]*started as process/);
  assert.equal((await appliance.service('polite')).state, 'running');
  await appliance.request('api/v1/services/polite/stop', 'POST');
  const log = await appliance.log('polite');
  assert.match(log, /waits for the network[^]*ready[^]*level=info msg="at work" dataDir=\/perm\/polite/);
  assert.match(log, /msg=goodbye\n.*exited\n/);
}

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

async function looksIntoAnApp(garden: CommandLine, appliance: Appliance): Promise<void> {
  const inspecting = garden.follow('inspect', 'ticker', '--json');
  const { port } = await eventually('where its inspector is', async () => {
    return /^\}$/m.test(inspecting.stdout) && (JSON.parse(inspecting.stdout) as { port: number });
  });
  const list = await fetch(`http://127.0.0.1:${port}/json/list`);
  const [target] = (await list.json()) as { title: string; webSocketDebuggerUrl: string }[];
  assert.equal(target?.title, 'ticker');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, 'open');
  // For the first milliseconds the kernel does not know of the port.
  const log = await eventually('another app to be kept from it', async () => {
    const text = await appliance.log('spy');
    return /kept from \d+: EPERM/.test(text) && text;
  });
  assert.doesNotMatch(log, /kept from (\d+): EPERM[^]*got to \1$/m);
  await inspecting.kill();
  const isClosed = async (): Promise<boolean> =>
    /its inspector is closed\n/.test(await appliance.log('ticker'));
  await eventually('it to be closed', isClosed);

  const prompt = garden.follow('repl', 'ticker');
  prompt.type('process.pid\nrequire("node:os").hostname()\nawait 7\n');
  assert.equal(await prompt.ended, 0, prompt.stderr);
  // In its sandbox it is process 2.
  assert.equal(prompt.stdout, "2\n'operated'\n7\n");

  const file = join(garden.directory, 'spy.cpuprofile');
  await garden.succeeds('profile', 'spy', '--cpu', '2s', '--out', file);
  assert.match(readFileSync(file, 'utf8'), /"functionName":"burn"[^}]*"url":"file:\/\/[^"]*\/src\/spy\.ts"/);

  const reports = await garden.succeeds('logs', 'crasher', '--reports');
  assert.match(reports, /Error: as planned\n {4}at fail \(src\/crasher\.ts:6:9\)\n/);
  assert.ok((reports.match(/report\.\d+\./g) ?? []).length <= 5);
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
  const shed = makeShed(t);
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

/** Another instance, with another password. */
function makeShed(t: TestContext): CommandLine {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-shed-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  const config = { hostname: 'shed', board: HOST_BOARD_ID, apps: {} };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  mkdirSync(join(directory, '.tskrazy'));
  writeFileSync(join(directory, '.tskrazy', 'password'), 'another\n');
  return new CommandLine(directory);
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
