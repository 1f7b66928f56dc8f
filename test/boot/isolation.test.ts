// What an app cannot do to the device and to other apps, tried from inside it (test/fixtures/isolation).

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Instance, openInstance } from '../../src/host/config/instance.ts';
import type { WebStatus } from '../../src/shared/api/web-api.ts';
import { type BoardId, BOARDS } from '../../src/shared/board/boards.ts';
import { uidOfApp } from '../../src/shared/services/sandbox.ts';
import { Appliance, eventually } from '../support/machines/appliance.ts';
import { requireTool } from '../support/require-tool.ts';
import { ask, basic } from '../support/web/http-ask.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/isolation');
const MAX_BOMBS = 64;
const NONE = '0000000000000000';
/** proc_pid_status(5): SECCOMP_MODE_FILTER */
const FILTERED = '2';
const NET_RAW = '0000000000002000';

/** They read what the network has brought. */
const INSIDE = { node: './inside.ts', waitFor: ['network'] };

const NETWORKS = { node: './networks.ts', waitFor: ['network'], autostart: false };

const NETWORK_APPS = {
  full: { ...NETWORKS, ports: ['tcp/8443', 'tcp/9443'] },
  lan: { ...NETWORKS, network: 'lan', ports: ['tcp/444'] },
  outbound: { ...NETWORKS, network: 'outbound' },
  none: { ...NETWORKS, network: 'none', ready: true, env: { READY: '1' } },
};

const APPS = {
  ...NETWORK_APPS,
  inside: { ...INSIDE, sandbox: { paths: { '/perm/shared': 'rw' } } },
  equipped: {
    ...INSIDE,
    sandbox: { devices: ['/dev/ttyS1', '/dev/hwrn*'], capabilities: ['CAP_NET_RAW'] },
  },
  rooted: { ...INSIDE, user: 'root' },
  other: { node: './other.ts', sandbox: { paths: { '/perm/shared': 'rw' } }, stopTimeoutSec: 1 },
  hungry: { node: './hungry.ts', autostart: false },
  bomb: { go: './bomb', maxProcesses: MAX_BOMBS, autostart: false },
};

async function makeInstance(t: TestContext, board: BoardId, apps: object): Promise<Instance> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-isolation-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  cpSync(FIXTURE, directory, { recursive: true });
  const config = { hostname: 'isolation', board, time: { zone: 'Asia/Kathmandu' }, apps };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  return openInstance(directory);
}

async function reportOf(appliance: Appliance, name: string): Promise<Record<string, unknown>> {
  const text = await eventually(
    `the report of ${name}`,
    async () => /\{"privileges".*\}$/m.exec(await appliance.log(name))?.[0],
  );
  return JSON.parse(text) as Record<string, unknown>;
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
  await eventually('the secret', async () => (await appliance.log('other')).includes('secret kept'));

  await t.test('from inside there is no way out', async () => {
    const report = await reportOf(appliance, 'inside');
    assert.deepEqual(report, {
      privileges: {
        uid: String(uidOfApp('inside')),
        CapEff: NONE,
        CapPrm: NONE,
        CapBnd: NONE,
        CapAmb: NONE,
        NoNewPrivs: '1',
        Seccomp: FILTERED,
      },
      programs: ['bwrap', 'node-MainThread'],
      environment: { USER: 'inside', cwd: '/perm/inside', cgroup: '0::/\n' },
      perm: ['inside', 'shared'],
      app: ['inside'],
      scratchPercent: [25, 25],
      run: ['machine-id', 'net', 'tsk'],
      devices: ['full', 'null', 'random', 'tty', 'urandom', 'zero'],
      write: {
        ownData: 'ok',
        shared: 'ok',
        tmp: 'ok',
        sharedMemory: 'ok',
        outputByName: 'ok',
        ownProgram: 'EROFS',
        root: 'EROFS',
        configuration: 'EROFS',
        machineId: 'EROFS',
        otherData: 'ENOENT',
        cgroup: 'EROFS',
        kernel: 'EACCES',
        serialPort: 'ENOENT',
      },
      read: {
        deviceConfiguration: 'ENOENT',
        otherData: 'ENOENT',
        resolvConf: 'ok',
        initEnvironment: 'EACCES',
      },
      hasMachineId: true,
      // Nepal was five and a half hours ahead in 1970.
      zone: { variable: 'Asia/Kathmandu', minutes: -330, localtime: 'TZif' },
      reach: { initSocket: 'ENOENT', ownSocket: 'ok', port444: 'EPERM' },
      become: { root: 'EPERM', init: 'EPERM' },
    });
    await eventually('the other to see the shared file', async () =>
      (await appliance.log('other')).includes('shared file seen'),
    );
  });

  await t.test('it gets what its configuration names', async () => {
    const { privileges, devices, write } = await reportOf(appliance, 'equipped');
    assert.deepEqual(
      { privileges, devices, write: (write as Record<string, string>)['serialPort'] },
      {
        privileges: {
          uid: String(uidOfApp('equipped')),
          CapEff: NET_RAW,
          CapPrm: NET_RAW,
          CapBnd: NET_RAW,
          CapAmb: NET_RAW,
          NoNewPrivs: '1',
          Seccomp: FILTERED,
        },
        devices: ['full', 'hwrng', 'null', 'random', 'tty', 'ttyS1', 'urandom', 'zero'],
        write: 'ok',
      },
    );
  });

  await t.test('root without privileges gets no further', async () => {
    const { privileges, write, read, reach } = (await reportOf(appliance, 'rooted')) as Record<
      string,
      Record<string, string>
    >;
    assert.deepEqual(
      ['uid', 'CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp'].map((key) => privileges?.[key]),
      ['0', NONE, NONE, '1', FILTERED],
    );
    const { root, configuration, otherData, cgroup, kernel, ownData } = write ?? {};
    assert.deepEqual(
      { root, configuration, otherData, cgroup, kernel, ownData },
      {
        root: 'EROFS',
        configuration: 'EROFS',
        otherData: 'ENOENT',
        cgroup: 'EROFS',
        kernel: 'EROFS',
        ownData: 'ok',
      },
    );
    assert.deepEqual(
      [read?.['deviceConfiguration'], read?.['otherData'], reach?.['initSocket']],
      ['ENOENT', 'ENOENT', 'ENOENT'],
    );
  });

  await t.test('what ignores SIGTERM is killed when its time is up', async () => {
    assert.equal((await appliance.request('api/v1/services/other/stop', 'POST')).status, 200);
    const { state, lastExit } = await appliance.service('other');
    assert.deepEqual([state, lastExit?.signal], ['stopped', 'SIGKILL']);
    const log = await appliance.log('other');
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
    await areUntouched(appliance, 'inside', 'equipped', 'rooted', 'web', 'net');
  });

  await t.test('when memory runs out, the app that took it goes', async () => {
    await appliance.request('api/v1/services/hungry/start', 'POST');
    await eventually(
      'it to be killed',
      async () => (await appliance.service('hungry')).lastExit?.signal === 'SIGKILL',
    );
    assert.match(await appliance.log('hungry'), /killed: the device ran out of memory/);
    assert.equal((await appliance.request('api/v1/services/hungry/stop', 'POST')).status, 200);
    await areUntouched(appliance, 'inside', 'equipped', 'rooted', 'web', 'net');
  });

  await t.test('it reaches what its configuration says, and never has the port of the page', () =>
    tryNetworks(appliance),
  );

  assert.equal(await appliance.powerOff(), 'powered-off');
});

test('an app that uses more memory than it may is killed alone', async (t) => {
  const board = 'pc-arm64';
  if (!requireTool(t, BOARDS[board].qemuSystem)) return;
  const apps = {
    ...NETWORK_APPS,
    hungry: { node: './hungry.ts', memory: '96MiB' },
    other: { node: './other.ts' },
  };
  const appliance = await Appliance.boot(t, await makeInstance(t, board, apps), { board });
  await eventually('the app to be killed', async () => {
    const { startCount } = await appliance.service('hungry');
    return startCount > 1;
  });
  assert.match(await appliance.log('hungry'), /killed: used more memory than it may/);
  await areUntouched(appliance, 'other', 'web', 'net');
  await tryNetworks(appliance);
  assert.equal(await appliance.powerOff(), 'powered-off');
});
