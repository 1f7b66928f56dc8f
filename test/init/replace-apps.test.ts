// The supervisor's apps become others, with real processes and sockets.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Supervisor } from '../../src/device/init/supervisor/supervisor.ts';
import { linuxSys } from '../../src/device/sys/linux.ts';
import type { Sys } from '../../src/device/sys/sys.ts';
import { appSocketPath } from '../../src/shared/services/app-contract.ts';
import type { ServiceSpec, ServiceState } from '../../src/shared/services/services.ts';
import { freePort } from '../support/network/free-port.ts';

const RUN_ON = 'echo up; exec sleep 100';
/** What is ignored stays so in the program that takes the shell's place. */
const STUBBORN = `trap "" TERM; ${RUN_ON}`;

class Bench {
  readonly supervisor: Supervisor;
  readonly scratch = mkdtempSync(join(tmpdir(), 'tsk-replace-'));
  /** Of apps that have the ports of others. */
  readonly said: string[] = [];
  readonly states: [name: string, state: ServiceState][] = [];

  constructor(t: TestContext, apps: readonly ServiceSpec[]) {
    const sys: Sys = {
      ...linuxSys(),
      path: (path) => (/^\/(?:run|perm)\//.test(path) ? join(this.scratch, path) : path),
    };
    mkdirSync(join(this.scratch, 'run/tsk'), { recursive: true });
    const say = (text: string): void => void (/ restarts: /.test(text) && this.said.push(text));
    this.supervisor = new Supervisor({ sys, say, isPermReady: () => true, services: apps });
    this.supervisor.watch(({ name, state }) => this.states.push([name, state]));
    t.after(async () => {
      await this.supervisor.stopAll();
      rmSync(this.scratch, { recursive: true, force: true });
    });
  }

  async boot(): Promise<void> {
    await this.supervisor.startSystemServices();
    await this.supervisor.startApps();
  }

  /** Restarts those whose names are in `restarted`. */
  async replace(apps: readonly ServiceSpec[], ...restarted: string[]): Promise<void> {
    await this.supervisor.replaceApps(
      apps.map((spec) => ({ spec, root: '/', isWanted: true })),
      (name) => restarted.includes(name),
    );
  }

  pid(name: string): number {
    return this.supervisor.get(name)?.status().pid ?? 0;
  }

  async isUp(...names: string[]): Promise<void> {
    for (const name of names) {
      while (this.supervisor.get(name)?.status().lastLine !== 'up') await sleep(5);
    }
  }

  hasSocket(name: string): boolean {
    return existsSync(join(this.scratch, appSocketPath(name)));
  }

  socketOwner(name: string): number {
    return statSync(join(this.scratch, appSocketPath(name))).uid;
  }

  index(name: string, state: ServiceState): number {
    return this.states.findIndex(([of, at]) => of === name && at === state);
  }
}

function app(name: string, script: string, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name,
    kind: 'binary',
    argv: ['/bin/sh', '-c', script],
    env: {},
    dataDir: `/perm/${name}`,
    restart: 'never',
    autostart: true,
    stopTimeoutSec: 5,
    ...more,
  };
}

test('replaceApps: who stays keeps its process, who changes gets another one, who goes is gone with its socket', async (t) => {
  const bench = new Bench(t, [app('kept', RUN_ON), app('changed', RUN_ON), app('gone', RUN_ON)]);
  const { supervisor } = bench;
  await bench.boot();
  await bench.isUp('kept', 'changed', 'gone');
  const [kept, changed, gone] = ['kept', 'changed', 'gone'].map((name) => bench.pid(name));
  const log = supervisor.get('changed')?.log;
  await bench.replace(
    [app('new', RUN_ON), app('changed', 'echo changed; exec sleep 100'), app('kept', RUN_ON)],
    'changed',
  );
  assert.equal(bench.pid('kept'), kept);
  assert.notEqual(bench.pid('changed'), changed);
  assert.throws(() => process.kill(gone ?? 0, 0), { code: 'ESRCH' });
  assert.deepEqual(
    supervisor.list().map(({ spec }) => spec.name),
    ['new', 'changed', 'kept'],
  );
  while (log?.lastOutput() !== 'changed') await sleep(5);
  assert.ok(
    log.last(100).some(({ text }) => text === 'up'),
    'what it said before is in the same log',
  );
  assert.deepEqual(
    ['kept', 'new', 'gone'].map((name) => bench.hasSocket(name)),
    [true, true, false],
  );
  assert.equal(supervisor.get('gone'), undefined);
  assert.equal(supervisor.logs.get('gone')?.lastOutput(), 'up');
});

test('replaceApps: nobody waits for the stop of another, but for that of those which go', async (t) => {
  const stopTimeoutSec = 0.3;
  const bench = new Bench(t, [
    app('slow', STUBBORN, { stopTimeoutSec }),
    app('fast', RUN_ON),
    app('gone', STUBBORN, { stopTimeoutSec }),
  ]);
  await bench.boot();
  await bench.isUp('slow', 'fast', 'gone');
  bench.states.length = 0;
  await bench.replace([app('slow', RUN_ON), app('fast', RUN_ON), app('new', RUN_ON)], 'slow', 'fast');
  assert.ok(bench.index('fast', 'running') < bench.index('slow', 'starting'), 'fast was up again before');
  assert.ok(bench.index('gone', 'stopped') < bench.index('new', 'starting'), 'new may need what gone had');
});

test('replaceApps: a process ends by the rules that it began with', async (t) => {
  const bench = new Bench(t, [app('app', STUBBORN, { stopTimeoutSec: 0.05 })]);
  await bench.boot();
  await bench.isUp('app');
  await bench.replace([app('app', RUN_ON, { stopTimeoutSec: 1000 })], 'app');
  assert.equal(bench.supervisor.get('app')?.state, 'running');
  assert.equal(bench.supervisor.get('app')?.status().lastExit?.signal, 'SIGKILL');
});

test('replaceApps: one that has failed or waits is started anew, by the new rules', async (t) => {
  const bench = new Bench(t, [app('failing', 'exit 1'), app('waiting', RUN_ON, { waitFor: ['clock'] })]);
  await bench.boot();
  while (bench.supervisor.get('failing')?.state !== 'failed') await sleep(5);
  await bench.replace([app('failing', RUN_ON), app('waiting', RUN_ON)], 'failing', 'waiting');
  assert.deepEqual(
    bench.supervisor.list().map(({ state }) => state),
    ['running', 'running'],
  );
});

test('replaceApps: an app that goes is not brought back by whoever was about to restart it', async (t) => {
  const bench = new Bench(t, [app('gone', STUBBORN, { stopTimeoutSec: 0.1 })]);
  await bench.boot();
  await bench.isUp('gone');
  const gone = bench.supervisor.get('gone');
  await Promise.all([gone?.restart(), bench.replace([])]);
  assert.equal(gone?.state, 'stopped');
  await bench.replace([app('gone', RUN_ON)]);
  assert.equal(gone?.state, 'running');
});

test('replaceApps: an app that becomes another user has a socket of that one', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('giving files away is for root');
  const bench = new Bench(t, [app('app', RUN_ON)]);
  await bench.boot();
  assert.equal(bench.socketOwner('app'), 0);
  await bench.replace([app('app', RUN_ON, { user: { name: 'app', uid: 300_000_000 } })], 'app');
  assert.equal(bench.socketOwner('app'), 300_000_000);
});

test('replaceApps: who waits for an app that restarts or comes is told when it is there', async (t) => {
  const bench = new Bench(t, [app('client', RUN_ON, { waitFor: ['app:server'] })]);
  await bench.boot();
  assert.equal(bench.supervisor.get('client')?.state, 'waiting');
  await bench.replace([app('server', RUN_ON), app('client', RUN_ON, { waitFor: ['app:server'] })]);
  while (bench.supervisor.get('client')?.state !== 'running') await sleep(5);
});

test('replaceApps: an app by another name has the port that the old one had', async (t) => {
  const port = await freePort();
  const serve = `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`;
  const server = (name: string): ServiceSpec => app(name, '', { argv: [process.execPath, '-e', serve] });
  const bench = new Bench(t, [server('before')]);
  await bench.boot();
  await bench.isUp('before');
  await bench.replace([server('after')]);
  await bench.isUp('after');
  assert.equal(bench.supervisor.get('after')?.status().startCount, 1);
});

/** Listens there if it can, and goes on in either case. */
function taker(name: string, port: number): ServiceSpec {
  const script = `const up = () => console.log('up');
    require('node:net').createServer().once('error', up).listen(${port}, '127.0.0.1', up);
    setInterval(() => {}, 1e6);`;
  return app(name, '', { argv: [process.execPath, '-e', script] });
}

/** Ends with a failure where it cannot. */
function owner(name: string, port: number): ServiceSpec {
  const script = `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`;
  return app(name, '', { argv: [process.execPath, '-e', script], ports: [`tcp/${port}`] });
}

test('replaceApps: who has a port that another is to have restarts before that one starts', async (t) => {
  const port = await freePort();
  const [kept, other] = [taker('kept', port), app('other', RUN_ON)];
  const bench = new Bench(t, [kept, other]);
  await bench.boot();
  await bench.isUp('kept', 'other');
  const [first, untouched] = [bench.pid('kept'), bench.pid('other')];
  // The kernel would refuse it the port from now on, which takes cgroups; here it is content with another one.
  await bench.replace([taker('kept', await freePort()), other, owner('shop', port)]);
  await bench.isUp('shop');
  assert.notEqual(bench.pid('kept'), first);
  assert.equal(bench.pid('other'), untouched);
  assert.equal(bench.supervisor.get('shop')?.status().startCount, 1);
  assert.deepEqual(bench.said, [`kept restarts: it has tcp/${port}, which is that of shop from now on`]);
});

test('replaceApps: two apps that change places on their ports both start at once', async (t) => {
  const [one, two] = [await freePort(), await freePort()];
  const bench = new Bench(t, [owner('left', one), owner('right', two)]);
  await bench.boot();
  await bench.isUp('left', 'right');
  await bench.replace([owner('left', two), owner('right', one)], 'left', 'right');
  while (bench.supervisor.list().some(({ state }) => state !== 'running')) await sleep(5);
  const lines = ['left', 'right'].map((name) => bench.supervisor.get(name)?.log.last(100) ?? []);
  for (const of of lines) assert.ok(!of.some(({ text }) => text.includes('EADDRINUSE')));
  assert.deepEqual(bench.said, []);
});
