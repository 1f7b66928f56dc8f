import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { exampleHistory } from '../../../../test/support/web/fake-device.ts';
import { INIT_API, type SystemStatus } from '../../../shared/api/init-api.ts';
import type { LogLine, ServiceStatus } from '../../../shared/services/services.ts';
import { linuxSys } from '../../sys/linux.ts';
import { LogRing } from '../log/log-ring.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import { serveInitApi } from './init-server.ts';
import type { InitApi } from './routes.ts';
import type { UpdateControl } from './update-routes.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tsk-api-'));
const socketPath = join(scratch, 'run', 'init.sock');
const initLog = new LogRing();
const powerCommands: string[] = [];
let isShuttingDown = false;
/** Of this boot nothing is kept; of the one before, the log "app". */
const keeper: InitApi['logKeeper'] = {
  lines: (boot, log) => {
    const lines = log === 'app' ? [{ timeMs: 10, stream: 'stdout' as const, text: 'earlier' }] : [];
    return Promise.resolve(boot === -1 ? lines : undefined);
  },
  boots: () =>
    Promise.resolve([
      { boot: -1, id: 'that', buildId: 'b1', slot: 'a', bootedAtMs: 1000, end: null, logs: ['app'] },
    ]),
  flush: () => Promise.resolve(),
};
const updateHistory = exampleHistory();
/** What it was asked for. */
const updateRequests: unknown[] = [];
const updates: UpdateControl = {
  state: () => ({
    running: 'a',
    committed: 'a',
    appsFrom: null,
    trialStart: null,
    trial: null,
    history: updateHistory,
  }),
  startTrial: async (request) => {
    updateRequests.push(request);
    return () => void updateRequests.push('begin');
  },
  takeChecks: (checks) => void updateRequests.push(checks),
  confirm: async () => {
    throw new ApiRefusal('trial-unwell', 'Cannot confirm the trial: the page is down', {
      waitsFor: ['the page is down'],
    });
  },
  rollBack: (who) => void updateRequests.push(who),
};
const supervisor = new Supervisor({
  sys: { ...linuxSys(), path: (path) => (path.startsWith('/run/') ? join(scratch, path) : path) },
  say: (line) => initLog.append('stdout', line),
  isPermReady: () => true,
  services: ['app', 'other', 'late'].map((name) => ({
    name,
    ...(name === 'late' && { waitFor: ['clock'] }),
    kind: 'binary',
    argv: ['/bin/sh', '-c', 'echo ready; exec sleep 100', '--password=canary'],
    env: { TOKEN: 'canary' },
    dataDir: join(scratch, name),
    restart: 'always',
    autostart: true,
    stopTimeoutSec: 5,
  })),
});

before(async () => {
  await serveInitApi(socketPath, {
    systemStatus: () => ({ hostname: 'garden' }) as SystemStatus,
    supervisor,
    initLog,
    kernelLog: { last: () => [], follow: () => () => {} },
    logKeeper: keeper,
    bootRecord: () => ({ id: 'this', buildId: 'b2', slot: 'a', bootedAtMs: 2000, end: null }),
    updates: () => Promise.resolve(updates),
    inspectors: () => Promise.reject(new Error('Nobody debugs here')),
    breakglass: () => Promise.reject(new Error('not here')),
    wifi: () => Promise.reject(new Error('not here')),
    isShuttingDown: () => isShuttingDown,
    shutDown: (how) => void powerCommands.push(how),
  });
});

after(async () => {
  await supervisor.stopAll();
  rmSync(scratch, { recursive: true, force: true });
});

async function open(method: string, path: string, body?: string): Promise<IncomingMessage> {
  const sent = request({ socketPath, method, path, agent: false });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

async function ask(method: string, path: string, body?: string): Promise<{ status: number; body: unknown }> {
  const response = await open(method, path, body);
  const answer = await text(response);
  return { status: response.statusCode ?? 0, body: answer === '' ? null : JSON.parse(answer) };
}

async function statusOf(path: string): Promise<number> {
  return (await ask('GET', path)).status;
}

test('the control socket is for root alone', () => {
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
});

test('GET /v1/system and /v1/services report', async () => {
  assert.deepEqual(await ask('GET', INIT_API.system), { status: 200, body: { hostname: 'garden' } });
  const { body } = await ask('GET', INIT_API.services);
  assert.deepEqual(
    (body as ServiceStatus[]).map((service) => [service.name, service.state]),
    [
      ['app', 'stopped'],
      ['other', 'stopped'],
      ['late', 'stopped'],
    ],
  );
});

test('POST /v1/services/NAME/ACTION acts and answers with the new state', async () => {
  const started = await ask('POST', INIT_API.serviceAction('app', 'start'));
  assert.equal((started.body as ServiceStatus).state, 'running');
  const restarted = await ask('POST', INIT_API.serviceAction('app', 'restart'));
  assert.equal((restarted.body as ServiceStatus).startCount, 2);
  const stopped = await ask('POST', INIT_API.serviceAction('app', 'stop'));
  assert.equal((stopped.body as ServiceStatus).state, 'stopped');
});

async function logOfApp(): Promise<string> {
  return text(await open('GET', INIT_API.log('app', { lines: 100 })));
}

test('no answer and no log of init has the arguments or the environment of a service', async () => {
  const answers = [
    await ask('POST', INIT_API.serviceAction('app', 'start')),
    await ask('GET', INIT_API.services),
  ];
  while (!/ready/.test(await logOfApp())) await delay(10);
  answers.push(await ask('POST', INIT_API.serviceAction('app', 'stop')));
  const log = await logOfApp();
  assert.doesNotMatch(`${JSON.stringify(answers)}${log}`, /canary/);
});

test('a service that waits is not started by hand', async () => {
  supervisor.get('other')?.wait('waits for /perm');
  assert.deepEqual(await ask('POST', INIT_API.serviceAction('other', 'start')), {
    status: 409,
    body: { error: 'Cannot start "other": it waits for /perm', code: 'wrong-state' },
  });
});

/** Resolves when it waits for its next try. */
async function crash({ name, pid }: ServiceStatus): Promise<void> {
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
  while (supervisor.get(name)?.state !== 'backoff') await new Promise((resolve) => setImmediate(resolve));
}

test('a start by hand spares an app what it waits for, and the answer is what came of it', async () => {
  assert.equal(
    ((await ask('POST', INIT_API.serviceAction('late', 'start'))).body as ServiceStatus).state,
    'waiting',
  );
  assert.deepEqual(await ask('POST', INIT_API.serviceAction('late', 'restart')), {
    status: 409,
    body: { error: 'Cannot restart "late": it waits for the clock', code: 'wrong-state' },
  });
  const started = (await ask('POST', INIT_API.serviceAction('late', 'start'))).body as ServiceStatus;
  assert.equal(started.state, 'running');
  await crash(started);
  // Its next run has to wait again, and that is said.
  const next = (await ask('POST', INIT_API.serviceAction('late', 'start'))).body as ServiceStatus;
  assert.equal(next.state, 'waiting');
  assert.equal((await ask('POST', INIT_API.serviceAction('late', 'stop'))).status, 200);
});

test('a start by hand does not wait for the next try, and the answer is what came of it', async () => {
  const { body } = await ask('POST', INIT_API.serviceAction('app', 'start'));
  await crash(body as ServiceStatus);
  const answers = await Promise.all([1, 2].map(() => ask('POST', INIT_API.serviceAction('app', 'start'))));
  assert.deepEqual(
    answers.map((answer) => (answer.body as ServiceStatus).state),
    ['running', 'running'],
  );
  await ask('POST', INIT_API.serviceAction('app', 'stop'));
});

test('what is not there is refused with 404, what is malformed with 400', async () => {
  for (const [method, path, status, code, error] of [
    ['GET', '/', 404, 'no-such-address', 'There is no "/"'],
    ['GET', '/v1/nothing', 404, 'no-such-address', 'There is no "/v1/nothing"'],
    ['GET', '/v1/services/app', 404, 'no-such-address', 'There is no "/v1/services/app"'],
    ['POST', '/v1/services/nobody/start', 404, 'no-such-service', 'There is no service "nobody"'],
    ['POST', '/v1/services/app/explode', 404, 'no-such-address', 'A service cannot be told to "explode"'],
    ['GET', '/v1/logs/nobody', 404, 'no-such-log', 'There is no log "nobody"'],
    ['GET', '/v1/logs/app?lines=many', 400, 'malformed', '"lines" is not a number from 0 to 10000'],
    ['GET', '/v1/logs/%ff', 400, 'malformed', 'The request target is malformed'],
    ['GET', '/v1/services/app/start', 405, 'wrong-method', 'Only POST is allowed here'],
    ['DELETE', '/v1/system', 405, 'wrong-method', 'Only GET is allowed here'],
  ] as const) {
    assert.deepEqual(await ask(method, path), { status, body: { error, code } }, path);
  }
});

test('GET /v1/logs/NAME gives the last lines', async () => {
  for (let i = 0; i < 5; i++) initLog.append('stdout', `line ${i}`);
  const response = await open('GET', INIT_API.log('init', { lines: 2 }));
  const lines = (await text(response))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as LogLine).text);
  assert.deepEqual(lines, ['line 3', 'line 4']);
});

test('GET /v1/logs/NAME?follow=1 goes on with the lines to come', async () => {
  const response = await open('GET', INIT_API.log('init', { lines: 0, follow: true }));
  initLog.append('stdout', 'live');
  const [chunk] = (await once(response, 'data')) as [Buffer];
  assert.equal((JSON.parse(chunk.toString()) as LogLine).text, 'live');
  response.destroy();
});

test('GET /v1/events starts with the state of every service', async () => {
  const response = await open('GET', INIT_API.events);
  const [chunk] = (await once(response, 'data')) as [Buffer];
  const names = chunk
    .toString()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { status: ServiceStatus }).status.name);
  assert.deepEqual(names, ['app', 'other', 'late']);
  response.destroy();
});

test('a follower that does not read is cut off', async () => {
  const socket = connect(socketPath);
  socket.pause();
  socket.write(`GET ${INIT_API.log('init', { follow: true })} HTTP/1.1\r\nhost: init\r\n\r\n`);
  const closed = once(socket, 'close');
  for (let i = 0; i < 4000; i++) {
    initLog.append('stdout', 'x'.repeat(1000));
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.resume();
  await closed;
});

test('what is no HTTP is answered with 400 and cut off', async () => {
  const socket = connect(socketPath);
  socket.write('\0\0\0 nonsense\r\n\r\n');
  assert.match(await text(socket), /^HTTP\/1\.1 400 /);
});

test('POST /v1/reboot is accepted once; after that nothing is changed any more', async () => {
  assert.deepEqual(await ask('POST', INIT_API.reboot), { status: 202, body: { accepted: 'reboot' } });
  assert.deepEqual(powerCommands, ['reboot']);
  isShuttingDown = true;
  for (const path of [INIT_API.poweroff, INIT_API.serviceAction('app', 'start')]) {
    assert.deepEqual(await ask('POST', path), {
      status: 409,
      body: { error: 'The device is shutting down', code: 'shutting-down' },
    });
  }
});

test('below /v1/update, what web asks for is passed on, and answered with the state', async () => {
  const trial = {
    slot: 'b',
    buildId: 'b2',
    mode: 'reboot',
    confirmBy: 'client',
    who: 'tsk on michael@laptop',
    changedApps: ['sensor'],
    unchangedApps: ['camera'],
    unhealthyApps: [],
  };
  const checks = [
    { name: 'page', problem: null },
    { name: 'health of sensor', problem: 'answers 500' },
  ];
  const state = updates.state();
  assert.deepEqual(await ask('GET', INIT_API.update), { status: 200, body: state });
  const { history, ...now } = state;
  const { lastLines: _lines, ...last } = history[0]!;
  assert.deepEqual(await ask('GET', INIT_API.updateBrief), { status: 200, body: { ...now, last } });
  assert.deepEqual(await ask('POST', INIT_API.updateTrial, JSON.stringify({ ...trial, later: 1 })), {
    status: 202,
    body: state,
  });
  assert.equal((await ask('POST', INIT_API.updateChecks, JSON.stringify(checks))).status, 204);
  assert.deepEqual(await ask('POST', INIT_API.updateRollback, '{"who":"the page"}'), {
    status: 202,
    body: state,
  });
  assert.deepEqual(updateRequests.splice(0), [trial, 'begin', checks, 'the page']);
  assert.deepEqual(await ask('POST', INIT_API.updateConfirm, '{"buildId":"b2","who":"tsk"}'), {
    status: 409,
    body: {
      error: 'Cannot confirm the trial: the page is down',
      code: 'trial-unwell',
      waitsFor: ['the page is down'],
    },
  });
});

test('a body that is not what it should be is refused, however long it is', async () => {
  const tooLong = JSON.stringify({ who: 'x'.repeat(10_000_000) });
  for (const [path, body, error] of [
    [INIT_API.updateRollback, '', 'Cannot read the body: it is not JSON'],
    [INIT_API.updateRollback, '{"who":1}', 'Cannot read the body: who is not a string'],
    [INIT_API.updateRollback, tooLong, 'The body is larger than 65536 bytes'],
    [INIT_API.updateChecks, '{}', 'Cannot read the body: it is not an array'],
    [INIT_API.updateChecks, '[{"name":"page"}]', 'Cannot read the body: [0].problem is not a string'],
    [INIT_API.updateTrial, '{"slot":"c"}', 'Cannot read the body: slot is not a or b'],
    [INIT_API.updateConfirm, '{"who":"tsk"}', 'Cannot read the body: buildId is not a string'],
  ] as const) {
    assert.deepEqual(
      await ask('POST', path, body),
      { status: 400, body: { error, code: 'malformed' } },
      path,
    );
  }
  assert.equal((await ask('POST', '/v1/update/nothing', '{}')).status, 404);
  assert.deepEqual(updateRequests, []);
});

test('GET /v1/boots lists this boot and those whose logs are kept', async () => {
  const { status, body } = await ask('GET', INIT_API.boots);
  assert.equal(status, 200);
  assert.deepEqual(body, [
    {
      boot: 0,
      id: 'this',
      buildId: 'b2',
      slot: 'a',
      bootedAtMs: 2000,
      end: null,
      logs: ['app', 'other', 'late', 'init', 'kernel'],
    },
    { boot: -1, id: 'that', buildId: 'b1', slot: 'a', bootedAtMs: 1000, end: null, logs: ['app'] },
  ]);
});

test('GET /v1/logs/NAME answers for an earlier boot, and for lines since a time', async () => {
  const earlier = await open('GET', INIT_API.log('app', { boot: -1 }));
  assert.equal(await text(earlier), '{"seq":0,"timeMs":10,"stream":"stdout","text":"earlier"}\n');
  assert.equal(await text(await open('GET', INIT_API.log('app', { boot: -1, since: 11 }))), '');
  const future = await open('GET', INIT_API.log('init', { since: Date.now() + 3_600_000 }));
  assert.equal(await text(future), '');
  assert.equal(await statusOf(INIT_API.log('app', { boot: -2 })), 404);
  assert.equal(await statusOf(INIT_API.log('other', { boot: -1 })), 404);
  assert.equal(await statusOf(INIT_API.log('../app', { boot: -1 })), 404);
  assert.equal(await statusOf(INIT_API.log('app', { boot: -1, follow: true })), 400);
  assert.equal(await statusOf(INIT_API.log('app', { boot: 1 })), 400);
  assert.equal(await statusOf(INIT_API.log('app', { since: -1 })), 400);
});
