// Apps that talk to init: the SDK and a program without it, real processes and sockets, under a real supervisor.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Supervisor } from '../../src/device/init/supervisor/supervisor.ts';
import { linuxSys } from '../../src/device/sys/linux.ts';
import type { Sys } from '../../src/device/sys/sys.ts';
import { appSocketPath } from '../../src/shared/services/app-contract.ts';
import { NET_STATUS_PATH } from '../../src/shared/network/net-status.ts';
import { TIME_STATUS_PATH } from '../../src/shared/network/time-status.ts';
import type { ServiceSpec, ServiceStatus } from '../../src/shared/services/services.ts';

const SDK = new URL('../../src/app/index.ts', import.meta.url).href;

class Bench {
  readonly supervisor: Supervisor;
  readonly scratch = mkdtempSync(join(tmpdir(), 'tsk-contract-'));

  constructor(t: TestContext, apps: Record<string, Partial<ServiceSpec> & { script: string }>) {
    const sys: Sys = {
      ...linuxSys(),
      path: (path) => (path.startsWith('/run/') ? join(this.scratch, path) : path),
    };
    mkdirSync(join(this.scratch, 'run/tsk'), { recursive: true });
    this.supervisor = new Supervisor({
      sys,
      say: () => {},
      isPermReady: () => true,
      services: Object.entries(apps).map(([name, { script, ...more }]) => ({
        name,
        kind: 'node',
        argv: [process.execPath, '--input-type=module', '--eval', script],
        env: { TSK_SOCKET: this.socketPath(name) },
        dataDir: join(this.scratch, name),
        restart: 'never',
        autostart: true,
        stopTimeoutSec: 5,
        ...more,
      })),
    });
    t.after(async () => {
      await this.supervisor.stopAll();
      rmSync(this.scratch, { recursive: true, force: true });
    });
  }

  socketPath(name: string): string {
    return join(this.scratch, appSocketPath(name));
  }

  /** As `net` does it. */
  publish(path: string, status: unknown): void {
    const target = join(this.scratch, path);
    writeFileSync(`${target}.new`, JSON.stringify(status));
    renameSync(`${target}.new`, target);
  }

  async boot(): Promise<void> {
    await this.supervisor.startSystemServices();
    await this.supervisor.startApps();
  }

  status(name: string): ServiceStatus {
    const service = this.supervisor.get(name);
    assert.ok(service);
    return service.status();
  }

  async reaches(name: string, state: ServiceStatus['state']): Promise<void> {
    while (this.status(name).state !== state) await sleep(5);
  }

  async says(name: string, text: string): Promise<void> {
    while (this.status(name).lastLine !== text) await sleep(5);
  }

  /** Sends bytes to an app's socket and gives back what comes before the end. */
  async ask(name: string, request: string): Promise<string> {
    const socket = connect(this.socketPath(name));
    socket.write(request);
    const chunks = (await socket.toArray()) as Buffer[];
    return Buffer.concat(chunks).toString();
  }
}

const RUN_ON = 'setInterval(() => {}, 1e6);';

test('an app is started when network and clock are there, in whatever order', async (t) => {
  const bench = new Bench(t, {
    app: { script: RUN_ON, waitFor: ['network', 'clock'] },
    other: { script: RUN_ON },
  });
  await bench.boot();
  assert.equal(bench.status('other').state, 'running');
  assert.equal(bench.status('app').reason, 'waits for the network and the clock');
  bench.publish(NET_STATUS_PATH, { online: false });
  bench.publish(TIME_STATUS_PATH, { synchronised: true });
  while (bench.status('app').reason !== 'waits for the network') await sleep(5);
  assert.equal(bench.status('app').state, 'waiting');
  bench.publish(NET_STATUS_PATH, { online: true });
  await bench.reaches('app', 'running');
});

test('an app that waits can be stopped, and started by hand without what it waits for', async (t) => {
  const bench = new Bench(t, { app: { script: RUN_ON, waitFor: ['clock'] } });
  await bench.boot();
  const app = bench.supervisor.get('app');
  await app?.stop();
  assert.equal(bench.status('app').state, 'stopped');
  await app?.start('request');
  assert.equal(bench.status('app').state, 'waiting');
  await app?.start('request');
  await bench.reaches('app', 'running');
});

test('status files that are broken count as no', async (t) => {
  const bench = new Bench(t, { app: { script: RUN_ON, waitFor: ['network'] } });
  await bench.boot();
  for (const status of [null, 7, 'x', [], {}, { online: 'no' }]) bench.publish(NET_STATUS_PATH, status);
  writeFileSync(join(bench.scratch, NET_STATUS_PATH), '{ "onl');
  await sleep(20);
  assert.equal(bench.status('app').state, 'waiting');
  bench.publish(NET_STATUS_PATH, { online: true });
  await bench.reaches('app', 'running');
});

test('an app is starting until it says that it is ready; who waits for it starts then', async (t) => {
  const bench = new Bench(t, {
    database: {
      script: `import { ready, waitFor } from '${SDK}'; await waitFor('network'); await ready(); ${RUN_ON}`,
      ready: true,
    },
    client: { script: RUN_ON, waitFor: ['app:database'] },
  });
  await bench.boot();
  assert.equal(bench.status('database').state, 'starting');
  assert.equal(bench.status('client').reason, 'waits for app database');
  bench.publish(NET_STATUS_PATH, { online: true });
  await bench.reaches('database', 'running');
  await bench.reaches('client', 'running');
  await bench.supervisor.get('database')?.restart();
  assert.equal(bench.status('database').state, 'starting', 'each process has to say so itself');
  await bench.reaches('database', 'running');
});

test('the SDK: clean-up on SIGTERM in reverse order, log lines, a wait that is given up', async (t) => {
  const bench = new Bench(t, {
    app: {
      script: `
        import { log, onShutdown, waitFor, dataDir } from '${SDK}';
        onShutdown(async () => { await null; console.log('last'); });
        onShutdown(() => { throw new Error('no') });
        onShutdown(() => console.log('first'));
        const given = await waitFor('clock', { signal: AbortSignal.timeout(20) }).catch((error) => error.name);
        log.with({ dataDir }).info('set "up"', { given, list: [1, 2n], empty: '', 'a key': null });
        ${RUN_ON}`,
    },
  });
  await bench.boot();
  await bench.says(
    'app',
    `level=info msg="set \\"up\\"" dataDir=${bench.scratch}/app given=TimeoutError list="[1,\\"2\\"]" empty="" a_key=null`,
  );
  await bench.supervisor.get('app')?.stop();
  const lines = bench.supervisor.get('app')?.log.last(100) ?? [];
  const texts = lines.filter(({ stream }) => stream !== 'init').map(({ text }) => text);
  assert.deepEqual(
    texts
      .slice(1)
      .filter((text) => !text.startsWith('    at '))
      .toSorted(),
    ['first', 'last', 'level=error msg="Cannot clean up" error="Error: no"'],
  );
  assert.ok(
    texts.some((text) => text.startsWith('    at ')),
    'the stack follows',
  );
  assert.equal(bench.status('app').lastExit?.code, 1);
});

test('the socket answers nonsense with an error, and many connections with patience', async (t) => {
  const bench = new Bench(t, { app: { script: RUN_ON, ready: true } });
  await bench.boot();
  for (const nonsense of ['\n', 'ready now\n', 'wait\n', 'wait moon\n', 'x'.repeat(5000), '\0\xff\n']) {
    assert.match(await bench.ask('app', nonsense), /^error .*\n$/);
  }
  assert.match(await bench.ask('app', `wait ${'clock '.repeat(17)}\n`), /^error /);
  const idle = Array.from({ length: 40 }, () => connect(bench.socketPath('app')).on('error', () => {}));
  await Promise.allSettled(idle.map((socket) => new Promise((done) => socket.once('connect', done))));
  for (const socket of idle) socket.destroy();
  let answer = '';
  while (answer !== 'ok\n') answer = await bench.ask('app', 'ready\r\nmore\n').catch(() => '');
  await bench.reaches('app', 'running');
});

test('an app may take its time between connecting and its question; who says nothing gives way to others', async (t) => {
  const bench = new Bench(t, { app: { script: RUN_ON, ready: true } });
  await bench.boot();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const slow = connect(bench.socketPath('app'));
  await once(slow, 'connect');
  await bench.ask('app', 'wait moon\n');
  t.mock.timers.tick(60_000);
  slow.write('ready\n');
  assert.equal(String((await once(slow, 'data'))[0]), 'ok\n');
  assert.equal(bench.status('app').state, 'running');
  const silent = Array.from({ length: 16 }, () => connect(bench.socketPath('app')).on('error', () => {}));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  const [first, ...others] = silent;
  assert.ok(first);
  const gone = once(first, 'close');
  assert.match(await bench.ask('app', 'wait moon\n'), /^error /);
  first.resume();
  await gone;
  assert.ok(others.every((socket) => !socket.closed));
  for (const socket of others) socket.destroy();
});

test('an app that hammers its socket finds it gone for a while', async (t) => {
  const bench = new Bench(t, { app: { script: RUN_ON, ready: true } });
  await bench.boot();
  const hammer = async (): Promise<void> => {
    for (let count = 0; count < 400; count++) await bench.ask('app', 'wait moon\n');
  };
  // A busy machine may need seconds for it, which shall count as none.
  const nowSec = process.uptime();
  const clock = t.mock.method(process, 'uptime', () => nowSec);
  await assert.rejects(hammer());
  clock.mock.restore();
  let answer = '';
  while (answer !== 'ok\n') {
    await sleep(50);
    answer = await bench.ask('app', 'ready\n').catch(() => '');
  }
  assert.equal(bench.status('app').state, 'running');
});

test('an app cannot pile up connections by hammering its socket', async (t) => {
  const bench = new Bench(t, { app: { script: RUN_ON } });
  await bench.boot();
  const open = new Set<Socket>();
  t.after(() => open.forEach((socket) => socket.destroy()));
  const hold = async (): Promise<boolean> => {
    const socket = connect(bench.socketPath('app'), () => open.add(socket));
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    socket.write('wait clock\n');
    return once(socket, 'connect').then(
      () => true,
      () => false,
    );
  };
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 15; count++) await hold();
    for (let count = 0; count < 250; count++) await bench.ask('app', 'wait moon\n').catch(() => {});
    while (!(await hold())) await sleep(50);
  }
  // The last one has been answered, or refused, before the next is.
  await bench.ask('app', 'wait moon\n').catch(() => {});
  assert.ok(open.size <= 16, `${open.size} are open`);
});
