// What an app cannot do to the device and to other apps, tried from inside it (test/support/hostile-app).

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Instance, openInstance } from '../../src/host/config/instance.ts';
import type { NewSession, WebStatus } from '../../src/shared/api/web-api.ts';
import { type BoardId, BOARDS } from '../../src/shared/board/boards.ts';
import { capabilities, expectedOutcomes, OF_ROOT } from '../support/hostile-app/expected-outcomes.ts';
import { Appliance, eventually } from '../support/machines/appliance.ts';
import { UNGUARDED } from '../support/machines/host-board.ts';
import { LONG_VARIANT } from '../support/long-variants.ts';
import { requireTool } from '../support/require-tool.ts';
import { ask, basic } from '../support/web/http-ask.ts';
import { atTheEnd } from '../support/at-the-end.ts';

const HOSTILE_APP = join(import.meta.dirname, '../support/hostile-app');
const MAX_BOMBS = 64;
/** Go says what each thread did, at its last gasp, whatever GOTRACEBACK wants. */
const LINES_OF_TRACE = 1000;
/** CAP_NET_RAW */
const NET_RAW = '0000000000002000';

/** They read what the network has brought. */
const HOSTILE = { node: './main.ts', waitFor: ['network', 'app:victim'] };
const hostile = { ...HOSTILE, sandbox: { paths: { '/perm/shared': 'rw' } } };
const rooted = { ...HOSTILE, user: 'root' };
const victim = {
  node: './victim.ts',
  secrets: ['TOKEN'],
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

const FLOODS = ['flood1', 'flood2', 'flood3', 'flood4', 'flood5', 'flood6'];

const EXHAUSTING_APPS = {
  bomb: { go: './bomb', maxProcesses: MAX_BOMBS, autostart: false },
  threads: {
    go: './bomb',
    args: ['threads'],
    maxProcesses: MAX_BOMBS,
    autostart: false,
  },
  hoarder: { node: './hoarder.ts', autostart: false, ready: true },
  // As root it would have the blocks that ext4 keeps for root.
  filler: { node: './filler.ts', autostart: false, user: 'root' },
  ...Object.fromEntries(FLOODS.map((name) => [name, { go: './flood', autostart: false }])),
};

const APPS = {
  ...NETWORK_APPS,
  hostile,
  equipped: {
    ...HOSTILE,
    sandbox: {
      devices: ['/dev/ttyS1', '/dev/hwrn*', '/dev/input/*'],
      paths: { '/perm/victim': 'rw' },
      capabilities: ['CAP_NET_RAW'],
      syscalls: ['keyring', 'io_uring', 'can'],
    },
  },
  rooted,
  victim,
  hungry: { node: './hungry.ts', autostart: false },
  ...EXHAUSTING_APPS,
};

async function makeInstance(t: TestContext, board: BoardId, apps: object): Promise<Instance> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-isolation-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  for (const program of ['bomb', 'flood'])
    cpSync(join(HOSTILE_APP, program), join(directory, program), { recursive: true });
  const found = Object.entries(apps).map(([name, app]: [string, { node?: string }]) => [
    name,
    app.node === undefined ? app : { ...app, node: join(HOSTILE_APP, app.node) },
  ]);
  const config = {
    hostname: 'isolation',
    board,
    kernel: { extraArgs: UNGUARDED },
    time: { zone: 'Asia/Kathmandu' },
    apps: Object.fromEntries(found),
  };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  const secrets = join(directory, '.tskrazy/secrets/victim');
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  writeFileSync(join(secrets, 'TOKEN'), 'secret', { mode: 0o600 });
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

const ALL_REACHED = { page: 'ok', tlsPage: 'ok', router: 'ok', far: 'ok', everybody: 'ok', group: 'ok' };

/** What each of NETWORK_APPS gets, and that none gets a port of the page while the page restarts. */
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
    full: { ...ALL_REACHED, port444: 'EPERM', port8443: 'ok', anyPort: 'ok' },
    lan: { ...ALL_REACHED, far: 'EPERM', port444: 'ok', port8443: 'EPERM', anyPort: 'ok' },
    outbound: {
      ...ALL_REACHED,
      page: 'EPERM',
      tlsPage: 'EPERM',
      everybody: 'EPERM',
      group: 'EPERM',
      port444: 'EPERM',
      port8443: 'EPERM',
      anyPort: 'ok',
    },
    none: {
      page: 'ECONNREFUSED',
      tlsPage: 'ECONNREFUSED',
      router: 'ENETUNREACH',
      far: 'ENETUNREACH',
      everybody: 'ENETUNREACH',
      group: 'ENETUNREACH',
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
    const log = await appliance.log(name);
    for (const port of [80, 443])
      assert.equal(
        log.includes(`the port of the page was mine: ${port} on`),
        hasOwnNetwork,
        `${name} ${port}`,
      );
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

async function act(appliance: Appliance, name: string, action: 'start' | 'stop'): Promise<void> {
  assert.equal((await appliance.request(`api/v1/services/${name}/${action}`, 'POST')).status, 200);
}

async function statusOf(appliance: Appliance): Promise<WebStatus> {
  return (await (await appliance.request('api/v1/status')).json()) as WebStatus;
}

async function withstandForkBomb(appliance: Appliance): Promise<void> {
  await act(appliance, 'bomb', 'start');
  await eventually('the limit', async () =>
    (await appliance.log('bomb')).includes('resource temporarily unavailable'),
  );
  const { services } = await statusOf(appliance);
  const processes = services.find(({ name }) => name === 'bomb')?.usage?.processes ?? 0;
  assert.ok(processes <= MAX_BOMBS, `${processes} processes`);
  await act(appliance, 'bomb', 'stop');
  await act(appliance, 'threads', 'start');
  await eventually('the limit of threads', async () =>
    (await appliance.log('threads', LINES_OF_TRACE)).includes('failed to create new OS thread'),
  );
  await act(appliance, 'threads', 'stop');
}

/** What it said to its output is no word to init, and its memory shows in none of its processes. */
async function withstandHoarder(appliance: Appliance): Promise<void> {
  await act(appliance, 'hoarder', 'start');
  const { state, lastExit } = await eventually('it to be killed', async () => {
    const service = await appliance.service('hoarder');
    if (service.pid !== null) assert.equal(service.state, 'starting');
    return service.lastExit !== null && service;
  });
  assert.deepEqual([state === 'running', lastExit?.signal], [false, 'SIGKILL']);
  assert.match(
    await appliance.log('hoarder'),
    /killed: (?:the device ran out of memory, .* MB in memfds|used more memory than it may: \d+ MB)/,
  );
  await act(appliance, 'hoarder', 'stop');
}

/** The page keeps a status for half a second, in which it asks nobody. */
const STATUS_IS_OLD_AFTER_MS = 600;

/** Median of the status, for which the page asks init, without the check of a password. */
async function timeStatus(appliance: Appliance): Promise<number> {
  const { token } = (await (await appliance.request('api/v1/sessions', 'POST')).json()) as NewSession;
  const times: number[] = [];
  for (let count = 0; count < 9; count++) {
    await sleep(STATUS_IS_OLD_AFTER_MS);
    const started = performance.now();
    const headers = { authorization: `Bearer ${token}` };
    const { status } = await ask(appliance.url, '/api/v1/status', { headers });
    // On a computer that is busy with other things init may miss web's limit now and then: it counts with the time that it took.
    assert.ok(status === 200 || status === 504, `${status}`);
    times.push(performance.now() - started);
  }
  return times.toSorted((one, other) => one - other)[4] ?? Number.NaN;
}

async function withstandFloods(t: TestContext, appliance: Appliance): Promise<void> {
  const idleMs = await timeStatus(appliance);
  for (const name of FLOODS) await act(appliance, name, 'start');
  // What init says of lines that it dropped is soon gone among those that it took.
  for (const name of FLOODS)
    await eventually(`${name} to flood`, async () => (await appliance.log(name)).split('\n').length > 50);
  const busyMs = await timeStatus(appliance);
  const [idleSec, busySec] = [idleMs, busyMs].map((ms) => (ms / 1000).toFixed(2));
  t.diagnostic(`the status takes ${idleSec} s, among six floods ${busySec} s`);
  for (const name of FLOODS) await act(appliance, name, 'stop');
  assert.ok(busyMs < 20 * idleMs, `${busyMs} ms, and ${idleMs} ms without floods`);
}

/** What is reserved of /perm is left, and a person hears who has the rest. */
async function withstandFiller(appliance: Appliance): Promise<void> {
  await act(appliance, 'filler', 'start');
  await eventually('/perm to be full', async () => (await appliance.log('filler')).includes('full'));
  const warning = await eventually('the warning', async () =>
    (await statusOf(appliance)).system.warnings.find((text) => text.includes('has most of it')),
  );
  assert.match(warning, /^\/perm is almost full: .* free for apps; app "filler" has most of it, /);
  const { usage } = await statusOf(appliance);
  const perm = usage.disks.find(({ mountPoint }) => mountPoint === '/perm');
  assert.ok(perm && perm.availableBytes < perm.totalBytes * 0.01);
  assert.ok(perm.totalBytes - perm.usedBytes > 8e6, `${perm.totalBytes - perm.usedBytes} bytes are left`);
  await act(appliance, 'filler', 'stop');
}

test('an app is alone with its data', async (t) => {
  const board = 'pc-amd64';
  if (!requireTool(t, BOARDS[board].qemuSystem) || !requireTool(t, 'go')) return;
  const appliance = await Appliance.boot(t, await makeInstance(t, board, APPS), { board });

  await t.test('from inside there is no way out', async () => {
    assert.deepEqual(await outcomesOf(appliance, 'hostile'), expectedOutcomes(board, 'hostile'));
    const log = await appliance.log('hostile');
    assert.match(log, /Z {3}\* forged$/m);
    assert.doesNotMatch(log, /Z \* forged/);
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
      'the power button': 'ok',
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
    await withstandForkBomb(appliance);
    await areUntouched(appliance, 'hostile', 'equipped', 'rooted', 'web', 'net');
  });

  await t.test('who hides memory is found, and says nothing that init believes', async () => {
    await withstandHoarder(appliance);
    await areUntouched(appliance, 'hostile', 'equipped', 'rooted', 'web', 'net');
  });

  await t.test('six floods of lines leave the device to its owner', async (t) => {
    await withstandFloods(t, appliance);
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

  await t.test('an app that fills /perm leaves what init needs, and is named', () =>
    withstandFiller(appliance),
  );

  assert.equal(await appliance.powerOff(), 'powered-off');
});

test('an app that uses more memory than it may is killed alone, and a hostile one gets no further', async (t) => {
  const board = 'pc-arm64';
  if (!requireTool(t, BOARDS[board].qemuSystem) || !requireTool(t, 'go')) return;
  const apps = {
    ...NETWORK_APPS,
    ...EXHAUSTING_APPS,
    hungry: { node: './hungry.ts', memory: '96MiB' },
    hostile,
    victim,
  };
  const appliance = await Appliance.boot(t, await makeInstance(t, board, apps), { board });
  await eventually('the app to be killed', async () => {
    const { startCount } = await appliance.service('hungry');
    return startCount > 1;
  });
  assert.match(await appliance.log('hungry'), /killed: used more memory than it may/);
  assert.deepEqual(await outcomesOf(appliance, 'hostile'), {
    ...expectedOutcomes(board, 'hostile'),
    // Its kernel has no such file.
    'memory of the kernel': 'ENOENT',
  });
  await nameRefusedCalls(appliance, ['hostile']);
  await areUntouched(appliance, 'hostile', 'victim', 'web', 'net');
  await act(appliance, 'hungry', 'stop');
  await withstandHoarder(appliance);
  await t.test('networks, a fork bomb, floods and a full /perm', { skip: LONG_VARIANT }, async (t) => {
    await tryNetworks(appliance);
    await withstandForkBomb(appliance);
    await withstandFloods(t, appliance);
    await withstandFiller(appliance);
    await areUntouched(appliance, 'hostile', 'victim', 'net');
  });
  assert.equal(await appliance.powerOff(), 'powered-off');
});
