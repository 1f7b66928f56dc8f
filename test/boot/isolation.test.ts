// What an app cannot do to the device and to other apps, tried from inside it (test/support/hostile-app).

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Instance, openInstance } from '../../src/host/config/instance.ts';
import type { WebStatus } from '../../src/shared/api/web-api.ts';
import { type BoardId, BOARDS } from '../../src/shared/board/boards.ts';
import { capabilities, expectedOutcomes, OF_ROOT } from '../support/hostile-app/expected-outcomes.ts';
import { Appliance, eventually } from '../support/machines/appliance.ts';
import { requireTool } from '../support/require-tool.ts';
import { ask, basic } from '../support/web/http-ask.ts';
import { atTheEnd } from '../support/at-the-end.ts';

const HOSTILE_APP = join(import.meta.dirname, '../support/hostile-app');
const MAX_BOMBS = 64;
/** CAP_NET_RAW */
const NET_RAW = '0000000000002000';

/** They read what the network has brought. */
const HOSTILE = { node: './main.ts', waitFor: ['network', 'app:victim'] };
const hostile = { ...HOSTILE, sandbox: { paths: { '/perm/shared': 'rw' } } };
const rooted = { ...HOSTILE, user: 'root' };
const victim = {
  node: './victim.ts',
  sandbox: { paths: { '/perm/shared': 'rw' } },
  stopTimeoutSec: 1,
};

const NETWORKS = { node: './networks.ts', waitFor: ['network'], autostart: false };

const NETWORK_APPS = {
  full: { ...NETWORKS, ports: ['tcp/8443', 'tcp/9443'] },
  lan: { ...NETWORKS, network: 'lan', ports: ['tcp/444'] },
  outbound: { ...NETWORKS, network: 'outbound' },
  none: { ...NETWORKS, network: 'none', ready: true, env: { READY: '1' } },
};

const APPS = {
  ...NETWORK_APPS,
  hostile,
  equipped: {
    ...HOSTILE,
    sandbox: {
      devices: ['/dev/ttyS1', '/dev/hwrn*'],
      paths: { '/perm/victim': 'rw' },
      capabilities: ['CAP_NET_RAW'],
      syscalls: ['keyring', 'io_uring', 'can'],
    },
  },
  rooted,
  victim,
  hungry: { node: './hungry.ts', autostart: false },
  bomb: { go: './bomb', maxProcesses: MAX_BOMBS, autostart: false },
};

async function makeInstance(t: TestContext, board: BoardId, apps: object): Promise<Instance> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-isolation-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  cpSync(join(HOSTILE_APP, 'bomb'), join(directory, 'bomb'), { recursive: true });
  const found = Object.entries(apps).map(([name, app]: [string, { node?: string }]) => [
    name,
    app.node === undefined ? app : { ...app, node: join(HOSTILE_APP, app.node) },
  ]);
  const config = {
    hostname: 'isolation',
    board,
    time: { zone: 'Asia/Kathmandu' },
    apps: Object.fromEntries(found),
  };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  return openInstance(directory);
}

/** By the name of the attempt. */
async function outcomesOf(appliance: Appliance, name: string): Promise<Record<string, string>> {
  const log = await eventually(`the attempts of ${name}`, async () => {
    const text = await appliance.log(name);
    return text.includes('all tried') && text;
  });
  // What it writes to its standard output has no mark after the time.
  const lines = log.matchAll(/Z {3}([^:]+): (.*)$/gm);
  return Object.fromEntries([...lines].map(([, attempt, outcome]) => [attempt, outcome]));
}

/** The kernel tells the first ten of all apps in five seconds, so that it may be any of those that start together. */
async function nameRefusedCalls(appliance: Appliance, names: readonly string[]): Promise<void> {
  await eventually('init to name a call that was refused', async () => {
    const logs = await Promise.all(names.map((name) => appliance.log(name)));
    return /the sandbox refused the system call \w+, which is in the group "/.test(logs.join(''));
  });
}

async function areUntouched(appliance: Appliance, ...names: string[]): Promise<void> {
  for (const name of names) {
    const { state, startCount } = await appliance.service(name);
    assert.deepEqual([name, state, startCount], [name, 'running', 1]);
  }
}

/** What each of NETWORK_APPS gets, and that none gets the page's port while the page restarts. */
async function tryNetworks(appliance: Appliance): Promise<void> {
  const reports = Object.keys(NETWORK_APPS).map(async (name) => {
    assert.equal((await appliance.request(`api/v1/services/${name}/start`, 'POST')).status, 200);
    const text = await eventually(
      `the report of ${name}`,
      async () => /\{"page".*\}$/m.exec(await appliance.log(name))?.[0],
    );
    return [name, JSON.parse(text)] as const;
  });
  assert.deepEqual(Object.fromEntries(await Promise.all(reports)), {
    full: { page: 'ok', router: 'ok', far: 'ok', port444: 'EPERM', port8443: 'ok', anyPort: 'ok' },
    lan: { page: 'ok', router: 'ok', far: 'EPERM', port444: 'ok', port8443: 'EPERM', anyPort: 'ok' },
    outbound: {
      page: 'EPERM',
      router: 'ok',
      far: 'ok',
      port444: 'EPERM',
      port8443: 'EPERM',
      anyPort: 'ok',
    },
    none: {
      page: 'ECONNREFUSED',
      router: 'ENETUNREACH',
      far: 'ENETUNREACH',
      port444: 'ok',
      port8443: 'ok',
      anyPort: 'ok',
    },
  });
  // Its socket to init works without a network.
  await eventually('none to be ready', async () => (await appliance.service('none')).state === 'running');
  for (const [name, refused] of [
    ['full', 'was not let listen on TCP port 444, which is that of app "lan"'],
    ['lan', 'was not let to 203.0.113.1, UDP port 9: "network" of this app is "lan"'],
    ['outbound', 'was not let to 127.0.0.1, TCP port 80: "network" of this app is "outbound"'],
  ] as const) {
    await eventually(`init to say: ${refused}`, async () => (await appliance.log(name)).includes(refused));
  }
  await restartPage(appliance);
  for (const name of Object.keys(NETWORK_APPS)) {
    const hasOwnNetwork = name === 'none';
    assert.equal((await appliance.log(name)).includes('the port of the page was mine'), hasOwnNetwork, name);
  }
}

/** Asks without a pause while `web` restarts: every request is answered. */
async function restartPage(appliance: Appliance): Promise<void> {
  const { startCount } = await appliance.service('web');
  assert.equal((await appliance.request('api/v1/services/web/restart', 'POST')).status, 202);
  const headers = basic(appliance.password);
  for (let isRestarted = false; !isRestarted;) {
    assert.equal((await ask(appliance.url, '/health')).status, 200);
    const status = (await ask(appliance.url, '/api/v1/status', { headers })).json() as WebStatus;
    isRestarted = status.services.some((web) => web.name === 'web' && web.startCount > startCount);
  }
}

test('an app is alone with its data', async (t) => {
  const board = 'pc-amd64';
  if (!requireTool(t, BOARDS[board].qemuSystem) || !requireTool(t, 'go')) return;
  const appliance = await Appliance.boot(t, await makeInstance(t, board, APPS), { board });

  await t.test('from inside there is no way out', async () => {
    assert.deepEqual(await outcomesOf(appliance, 'hostile'), expectedOutcomes(board, 'hostile'));
    await nameRefusedCalls(appliance, ['hostile', 'equipped', 'rooted']);
    await eventually('the victim to see the shared file', async () =>
      (await appliance.log('victim')).includes('shared file seen'),
    );
  });

  await t.test('it gets what its configuration names', async () => {
    assert.deepEqual(await outcomesOf(appliance, 'equipped'), {
      ...expectedOutcomes(board, 'equipped'),
      ...capabilities(NET_RAW),
      'list /perm': 'equipped victim',
      // Seen, and still not its own.
      'read data of another app': 'EACCES',
      'write data of another app': 'EACCES',
      'data of another app by a link': 'EACCES',
      'list devices': 'full hwrng null random tty ttyS1 urandom zero',
      'a serial port': 'ok',
      'socket of family packet': 'ok',
      'raw socket': 'ok',
      'call add_key': 'EINVAL',
      'call request_key': 'EFAULT',
      'call keyctl': 'ENOTSUP',
      'call io_uring_setup': 'EFAULT',
      'call io_uring_enter': 'EINVAL',
      'call io_uring_register': 'EINVAL',
    });
  });

  await t.test('root without privileges gets no further', async () => {
    assert.deepEqual(await outcomesOf(appliance, 'rooted'), {
      ...expectedOutcomes(board, 'rooted'),
      ...OF_ROOT,
    });
  });

  await t.test('what ignores SIGTERM is killed when its time is up', async () => {
    assert.equal((await appliance.request('api/v1/services/victim/stop', 'POST')).status, 200);
    const { state, lastExit } = await appliance.service('victim');
    assert.deepEqual([state, lastExit?.signal], ['stopped', 'SIGKILL']);
    const log = await appliance.log('victim');
    assert.match(log, /no$/m);
    assert.match(log, /killed: did not end within 1 s after SIGTERM/);
  });

  await t.test('a fork bomb reaches its limit and nobody else', async () => {
    await appliance.request('api/v1/services/bomb/start', 'POST');
    await eventually('the limit', async () =>
      (await appliance.log('bomb')).includes('resource temporarily unavailable'),
    );
    const services = (await appliance.services()) as { name: string; usage?: { processes: number } }[];
    const processes = services.find(({ name }) => name === 'bomb')?.usage?.processes ?? 0;
    assert.ok(processes <= MAX_BOMBS, `${processes} processes`);
    assert.equal((await appliance.request('api/v1/services/bomb/stop', 'POST')).status, 200);
    await areUntouched(appliance, 'hostile', 'equipped', 'rooted', 'web', 'net');
  });

  await t.test('when memory runs out, the app that took it goes', async () => {
    await appliance.request('api/v1/services/hungry/start', 'POST');
    await eventually(
      'it to be killed',
      async () => (await appliance.service('hungry')).lastExit?.signal === 'SIGKILL',
    );
    assert.match(await appliance.log('hungry'), /killed: the device ran out of memory/);
    assert.equal((await appliance.request('api/v1/services/hungry/stop', 'POST')).status, 200);
    await areUntouched(appliance, 'hostile', 'equipped', 'rooted', 'web', 'net');
  });

  await t.test('it reaches what its configuration says, and never has the port of the page', () =>
    tryNetworks(appliance),
  );

  assert.equal(await appliance.powerOff(), 'powered-off');
});

test('an app that uses more memory than it may is killed alone, and a hostile one gets no further', async (t) => {
  const board = 'pc-arm64';
  if (!requireTool(t, BOARDS[board].qemuSystem)) return;
  const apps = { ...NETWORK_APPS, hungry: { node: './hungry.ts', memory: '96MiB' }, hostile, victim };
  const appliance = await Appliance.boot(t, await makeInstance(t, board, apps), { board });
  await eventually('the app to be killed', async () => {
    const { startCount } = await appliance.service('hungry');
    return startCount > 1;
  });
  assert.match(await appliance.log('hungry'), /killed: used more memory than it may/);
  assert.deepEqual(await outcomesOf(appliance, 'hostile'), {
    ...expectedOutcomes(board, 'hostile'),
    // Its kernel has no such file, and no app here has a program that others could call.
    'memory of the kernel': 'ENOENT',
    'write /user': 'ENOENT',
  });
  await nameRefusedCalls(appliance, ['hostile']);
  await areUntouched(appliance, 'hostile', 'victim', 'web', 'net');
  await tryNetworks(appliance);
  assert.equal(await appliance.powerOff(), 'powered-off');
});
