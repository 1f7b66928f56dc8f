// Sockets that init opens for a service: real processes and real connections, over a restart of the service.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Supervisor } from '../../src/device/init/supervisor/supervisor.ts';
import { linuxSys } from '../../src/device/sys/linux.ts';
import type { ServiceSpec } from '../../src/shared/services/services.ts';
import { ask } from '../support/web/http-ask.ts';
import { freePort } from '../support/network/free-port.ts';

const SERVER = new URL('../../src/device/web/server.ts', import.meta.url).href;
const LISTEN = new URL('../../src/shared/services/listen.ts', import.meta.url).href;

/** The page's server as src/device/web/main.ts runs it, without a device around it. */
const WEB = `
  import { createWebServer, listen } from ${JSON.stringify(SERVER)};
  import { inheritedSocket } from ${JSON.stringify(LISTEN)};
  const config = { hostname: 'garden', services: [], web: { port: 1, passwordHash: null } };
  const server = createWebServer({ config, initSocketPath: '/nowhere', assets: new Map() });
  process.once('SIGTERM', () => void server.finish().then(() => process.exit(0)));
  await listen(server.http, 1, inheritedSocket('http', process.env));
  console.log('up');
`;

function service(name: string, script: string, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name,
    kind: 'system',
    argv: [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '--eval',
      script,
    ],
    env: {},
    dataDir: '/nowhere',
    restart: 'never',
    autostart: true,
    stopTimeoutSec: 5,
    ...more,
  };
}

/** A supervisor as the boot list uses it, and the port that its service `web` has. */
async function superviseWeb(t: TestContext, apps: readonly ServiceSpec[] = []) {
  const scratch = mkdtempSync(join(tmpdir(), 'tsk-listen-'));
  const port = await freePort();
  const dataDir = join(scratch, 'web');
  const supervisor = new Supervisor({
    sys: { ...linuxSys(), path: (path) => (/^\/(?:run|sys)\//.test(path) ? join(scratch, path) : path) },
    say: () => {},
    isPermReady: () => true,
    services: [service('web', WEB, { dataDir, listen: [{ name: 'http', port }] }), ...apps],
  });
  t.after(async () => {
    await supervisor.stopAll();
    rmSync(scratch, { recursive: true, force: true });
  });
  supervisor.openListeners();
  return { supervisor, port, url: `http://127.0.0.1:${port}` };
}

test('who connects while the page restarts is answered by its next process', async (t) => {
  const { supervisor, url } = await superviseWeb(t);
  await supervisor.startSystemServices();
  const web = supervisor.get('web');
  const over = new AbortController();
  const answers: string[] = [];
  const visitor = async (): Promise<void> => {
    while (!over.signal.aborted) {
      answers.push(
        await ask(url, '/health').then(
          ({ status, body }) => `${status} ${body}`,
          (error: unknown) => String(error),
        ),
      );
    }
  };
  const visitors = [visitor(), visitor(), visitor()];
  for (let count = 0; count < 3; count++) {
    const before = answers.length;
    await web?.restart();
    while (answers.length < before + 30) await sleep(5);
  }
  over.abort();
  await Promise.all(visitors);
  assert.deepEqual([...new Set(answers)], ['200 ok\n']);
  assert.equal(web?.status().startCount, 4);
});

test('the port of the page is taken before any process exists, and while there is none', async (t) => {
  const { supervisor, port } = await superviseWeb(t);
  const take = (host: string): string =>
    execFileSync(
      process.execPath,
      [
        '--eval',
        `require('node:net').createServer().once('error', (error) => console.log(error.code))
          .listen({ port: ${port}, host: '${host}' }, () => { console.log('taken'); process.exit(); });`,
      ],
      { encoding: 'utf8' },
    ).trim();
  for (const host of ['::', '0.0.0.0', '127.0.0.1']) assert.equal(take(host), 'EADDRINUSE', host);
  await supervisor.startSystemServices();
  await supervisor.get('web')?.stop();
  for (const host of ['::', '0.0.0.0', '127.0.0.1']) assert.equal(take(host), 'EADDRINUSE', host);
});

test('no other process gets the socket', async (t) => {
  const { supervisor, port } = await superviseWeb(t, [
    service('app', 'setInterval(() => {}, 1e6); console.log("up")', {
      kind: 'node',
      dataDir: mkdtempSync(join(tmpdir(), 'tsk-listen-app-')),
    }),
  ]);
  await supervisor.startSystemServices();
  await supervisor.startApps();
  const descriptors = (name: string): string[] => {
    const pid = supervisor.get(name)?.status().pid ?? 0;
    const text = execFileSync('ls', [`/proc/${pid}/fd`], { encoding: 'utf8' });
    return text
      .split('\n')
      .filter(Boolean)
      .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  };
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/tcp6', 'utf8')
    .split('\n')
    .find((row) => row.includes(`:${hexPort} `));
  const socket = `socket:[${line?.trim().split(/\s+/)[9]}]`;
  while (supervisor.get('app')?.status().lastLine !== 'up') await sleep(5);
  assert.ok(descriptors('web').includes(socket));
  assert.ok(!descriptors('app').includes(socket));
});

test('a port that somebody else has is said, and the service starts without', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const said: string[] = [];
  const scratch = mkdtempSync(join(tmpdir(), 'tsk-listen-'));
  t.after(() => rmSync(scratch, { recursive: true, force: true }));
  const supervisor = new Supervisor({
    sys: { ...linuxSys(), path: (path) => join(scratch, path) },
    say: (text) => said.push(text),
    isPermReady: () => true,
    services: [
      service('web', 'console.log(`has ${process.env.TSK_LISTEN}`)', {
        dataDir: join(scratch, 'web'),
        listen: [{ name: 'http', port }],
      }),
    ],
  });
  supervisor.openListeners();
  await supervisor.startSystemServices();
  while (supervisor.get('web')?.state !== 'stopped') await sleep(5);
  assert.equal(supervisor.get('web')?.log.lastOutput(), 'has undefined');
  assert.match(said[0] ?? '', /^web: cannot listen on TCP port \d+ for it: .*EADDRINUSE/);
});
