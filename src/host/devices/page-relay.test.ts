// The page for a browser on this computer, and for nobody else on it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { suite, test, type TestContext } from 'node:test';
import { ask } from '../../../test/support/web/http-ask.ts';
import { startWebDevice, TEST_PASSWORD, type WebDevice } from '../../../test/support/web/web-device.ts';
import type { AssetTable } from '../../device/web/assets.ts';
import { browserCommand } from '../cli/start-browser.ts';
import { DeviceClient } from './device-client.ts';
import { ownsConnection } from './owns-connection.ts';
import { type PageRelay, startPageRelay } from './page-relay.ts';

const KNOWN = { password: TEST_PASSWORD, file: '.tskrazy/password' };
const PAGE: AssetTable = new Map([
  ['/', { path: '/', contentType: 'text/html', etag: '"1"', gzip: gzipSync('the page') }],
]);

interface Opened {
  device: WebDevice;
  relay: PageRelay;
  origin: string;
  path: string;
}

async function open(t: TestContext, isMine?: (socket: Socket) => Promise<boolean>): Promise<Opened> {
  const device = await startWebDevice({ tls: {}, assets: PAGE });
  t.after(() => device.close());
  assert.ok(device.tls);
  const client = new DeviceClient(
    {
      name: 'garden',
      foundBy: 'network',
      addresses: [{ host: '127.0.0.1', port: device.tls.port, tls: true }],
      expected: {
        hostname: 'garden',
        board: 'pc-amd64',
        authorities: [new X509Certificate(device.tls.authority)],
      },
    },
    KNOWN,
    new AbortController().signal,
  );
  await client.status();
  const relay = await startPageRelay(client, isMine && { isMine });
  t.after(() => relay.close());
  const { origin, pathname } = new URL(relay.url);
  return { device, relay, origin, path: pathname };
}

/** The token that the page of the one-time address keeps. */
async function tokenOf({ origin, path }: Opened): Promise<string> {
  const { status, body } = await ask(origin, path);
  assert.equal(status, 200);
  const token = /setItem\("tskrazy-session", "([\w-]+)"\)/.exec(body)?.[1];
  assert.ok(token);
  return token;
}

suite('tsk open', () => {
  test('logs a browser in once, and passes on what comes with its token', async (t) => {
    const opened = await open(t);
    const token = await tokenOf(opened);
    const headers = { Authorization: `Bearer ${token}`, Origin: opened.origin };
    const status = await ask(opened.origin, '/api/v1/status', { headers });
    assert.equal((status.json() as { system: { hostname: string } }).system.hostname, 'garden');
    const acted = await ask(opened.origin, '/api/v1/services/irrigation/restart', {
      method: 'POST',
      headers,
    });
    assert.equal(acted.status, 200);
    assert.equal((await ask(opened.origin, opened.path)).status, 410);
    const foreign = { ...headers, Origin: 'http://evil.example' };
    const refused = await ask(opened.origin, '/api/v1/services/irrigation/restart', {
      method: 'POST',
      headers: foreign,
    });
    assert.equal((refused.json() as { error: { code: string } }).error.code, 'foreign-page');
  });

  test('live views come through, and end with the browser', async (t) => {
    const opened = await open(t);
    const headers = { Authorization: `Bearer ${await tokenOf(opened)}` };
    const request = get(`${opened.origin}/api/v1/events`, { headers, agent: false });
    const [events] = (await once(request, 'response')) as [IncomingMessage];
    events.on('error', () => undefined);
    let seen = '';
    events.on('data', (chunk: Buffer) => (seen += String(chunk)));
    while (!seen.includes('event: status')) await once(events, 'data');
    request.destroy();
    // Not `once`: it would take the error before it for a failure.
    await new Promise((resolve) => events.once('close', resolve));
  });

  test('gives the API to nobody who has no token, knocks with a password or calls it by another name', async (t) => {
    const { origin } = await open(t);
    const knock = { Authorization: `Basic ${Buffer.from(`x:${TEST_PASSWORD}`).toString('base64')}` };
    for (const headers of [{}, { Authorization: 'Bearer x' }, knock]) {
      for (const path of [
        '/api/v1/status',
        '/api/v1/sessions',
        '//api/v1/status',
        '/assets/../api/v1/status',
      ])
        assert.notEqual((await ask(origin, path, { headers })).status, 200, path);
      assert.equal((await ask(origin, '/api/v1/sessions', { method: 'POST', headers })).status, 403);
    }
    assert.equal((await ask(origin, '/')).status, 200);
    assert.equal((await ask(origin, '/', { headers: { Host: 'evil.example' } })).status, 403);
  });

  test('gives nothing at all to another user of the computer', async (t) => {
    const opened = await open(t, async () => false);
    for (const path of ['/', opened.path]) assert.equal((await ask(opened.origin, path)).status, 403);
  });

  test('ends the session on the device when it ends', async (t) => {
    const opened = await open(t);
    const headers = { Authorization: `Bearer ${await tokenOf(opened)}` };
    const path = '/api/v1/status';
    assert.equal(
      (await ask(opened.device.url, path, { headers: { ...headers, Host: 'localhost' } })).status,
      200,
    );
    await opened.relay.close();
    assert.equal(
      (await ask(opened.device.url, path, { headers: { ...headers, Host: 'localhost' } })).status,
      401,
    );
    await assert.rejects(ask(opened.origin, '/'));
  });
});

test('ownsConnection knows connections of other users', { skip: process.getuid?.() !== 0 }, async (t) => {
  const seen: Promise<boolean>[] = [];
  const server = net.createServer((socket) => {
    seen.push(ownsConnection(socket, 4242));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const script = `require('node:net').connect(${port}, '127.0.0.1', function () { setInterval(() => {}, 1000); })`;
  for (const uid of [4242, 4243]) {
    const child = spawn(process.execPath, ['-e', script], { uid, stdio: 'ignore' });
    await once(server, 'connection');
    await seen.at(-1);
    child.kill();
  }
  assert.deepEqual(await Promise.all(seen), [true, false]);
});

test('browserCommand is what each system has for it, and nothing without a screen', () => {
  const url = 'http://127.0.0.1:1/x';
  assert.deepEqual(browserCommand(url, 'linux', { DISPLAY: ':0' }), ['xdg-open', url]);
  assert.equal(browserCommand(url, 'linux', {}), undefined);
  assert.deepEqual(browserCommand(url, 'darwin', {}), ['open', url]);
  assert.deepEqual(browserCommand(url, 'win32', {}), ['cmd', '/c', 'start', '""', url]);
});
