// What only a real PID 1 with real cgroups can show: nothing survives its service, orphans are reaped, a
// crash stays the crash of one, and apps reach init out of their sandboxes.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Instance, openInstance } from '../../src/host/config/instance.ts';
import { Appliance, eventually } from '../support/machines/appliance.ts';
import { atTheEnd } from '../support/at-the-end.ts';
import { HOST_BOARD, HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';

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

const CRASHER = `throw new Error('as planned');`;

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
}, 500);
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

interface Observation {
  orphans: number[];
  zombies: number[];
}

async function makeInstance(t: TestContext): Promise<Instance> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-supervision-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'src'));
  const sources = { forker: FORKER, crasher: CRASHER, observer: OBSERVER, polite: POLITE };
  for (const [name, source] of Object.entries(sources)) {
    writeFileSync(join(directory, 'src', `${name}.ts`), source);
  }
  const apps = {
    forker: { node: './src/forker.ts' },
    crasher: { node: './src/crasher.ts' },
    // In a sandbox it would see only itself.
    observer: { node: './src/observer.ts', sandbox: 'off' },
    polite: { node: './src/polite.ts', ready: true, waitFor: ['network'] },
    client: { node: './src/crasher.ts', waitFor: ['app:polite'], restart: 'never' },
  };
  writeFileSync(
    join(directory, 'tskrazy.json'),
    JSON.stringify({ hostname: 'supervision', board: HOST_BOARD_ID, kernel: { extraArgs: UNGUARDED }, apps }),
  );
  return openInstance(directory);
}

async function lastObservation(appliance: Appliance): Promise<Observation> {
  const lines = (await appliance.log('observer')).split('\n');
  const json = lines.map((line) => /\{.*\}$/.exec(line)?.[0]).findLast((found) => found !== undefined);
  if (json === undefined) throw new Error('The observer has said nothing yet');
  return JSON.parse(json) as Observation;
}

test('nothing survives the stop of its service, and a crash is the crash of one', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const appliance = await Appliance.boot(t, await makeInstance(t), { board: HOST_BOARD_ID });
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

  await eventually('the client of the polite app to have been started', async () => {
    return (await appliance.service('client')).state === 'failed';
  });
  assert.match(await appliance.log('client'), /waits for app polite[^]*started as process/);
  assert.equal((await appliance.service('polite')).state, 'running');
  await appliance.request('api/v1/services/polite/stop', 'POST');
  const log = await appliance.log('polite');
  assert.match(log, /waits for the network[^]*ready[^]*level=info msg="at work" dataDir=\/perm\/polite/);
  assert.match(log, /msg=goodbye\n.*exited\n/);
  assert.equal(await appliance.powerOff(), 'powered-off');
});
