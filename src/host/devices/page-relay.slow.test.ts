// The page for a browser on this computer, and for nobody else on it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite, test, type TestContext } from 'node:test';
import { eventually } from '../../../test/support/machines/appliance.ts';
import { ask } from '../../../test/support/web/http-ask.ts';
import { startWebDevice, TEST_PASSWORD, type WebDevice } from '../../../test/support/web/web-device.ts';
import type { AssetTable } from '../../device/web/assets.ts';
import { browserCommand, startBrowser } from '../cli/start-browser.ts';
import { DeviceClient } from './device-client.ts';
import { ownsConnection, userOfConnection } from './owns-connection.ts';
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

/** proc(5), as Linux 6 prints it; two rows of one connection, then what is left of one that is over. */
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 20001 1 0 100 0 0 10 0
   1: 0100007F:C001 0100007F:1F90 06 00000000:00000000 03:0000176F 00000000     0        0 0 3 0
   2: 0200007F:C002 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 20002 1 0 20 4 30 10 -1
   3: 0100007F:C002 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 20003 1 0 20 4 30 10 -1
   4: 0100007F:1F90 0100007F:C002 01 00000000:00000000 00:00000000 00000000  1000        0 20004 1 0 20 4 30 10 -1
   5: 0100007F:C003 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
`;

test('userOfConnection takes the row of both ends, and none of a connection that nobody has', () => {
  const relay = { address: '127.0.0.1', port: 8080 };
  const userOf = (address: string, port: number): number | undefined =>
    userOfConnection(TABLE, { address, port }, relay);
  // What is over belongs to user 0 there, whoever had it.
  assert.equal(userOf('127.0.0.1', 0xc001), undefined);
  // The same port of another address, as which somebody else connects.
  assert.equal(userOf('127.0.0.1', 0xc002), 1001);
  assert.equal(userOf('127.0.0.2', 0xc002), 1000);
  assert.equal(userOf('127.0.0.1', 0xc003), undefined);
  assert.equal(userOf('::1', 0xc002), undefined);
});

test('ownsConnection does not take a connection that is over, nor one of root, for its own', async (t) => {
  // The side that ends first is the one that waits, as user 0's: here it is the client, which uses its port again at once.
  const server = net.createServer({ allowHalfOpen: true }, (socket) =>
    socket.resume().on('end', () => socket.end()),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = net.connect(port, '127.0.0.1');
  await once(client, 'connect');
  const { localPort } = client;
  client.end().resume();
  await once(client, 'close');
  const ofServer = {
    localAddress: '127.0.0.1',
    localPort: port,
    remoteAddress: '127.0.0.1',
    remotePort: localPort,
  };
  assert.equal(await ownsConnection(ofServer as Socket, 4242), false);
});

test('browserCommand is what each system has for it, and nothing without a screen', () => {
  const url = 'http://127.0.0.1:1/x';
  const opened = { url, file: '/home/ann/my garden/.tskrazy/open-1.html' };
  assert.deepEqual(browserCommand(opened, 'linux', { DISPLAY: ':0' }), {
    argv: ['xdg-open', 'file:///home/ann/my%20garden/.tskrazy/open-1.html'],
  });
  assert.equal(browserCommand(opened, 'linux', {}), undefined);
  assert.deepEqual(browserCommand(opened, 'darwin', {}), {
    argv: ['osascript'],
    input: `open location "${url}"\n`,
  });
  assert.deepEqual(browserCommand(opened, 'win32', {}), { argv: ['cmd', '/c', 'start', '""', url] });
});

test('startBrowser gives no program the address as an argument, and leaves no file behind', async (t) => {
  if (process.platform !== 'linux') return t.skip('another system');
  const directory = mkdtempSync(join(tmpdir(), 'tsk-browser-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const seen = join(directory, 'seen');
  // The browser in its place writes down what it was given, and what is there.
  const browser =
    '#!/bin/sh\nf=$(echo "$1" | sed s,file://,,); (echo "$1"; stat -c %a "$f"; cat "$f") > "$SEEN.new"; mv "$SEEN.new" "$SEEN"\n';
  writeFileSync(join(directory, 'xdg-open'), browser, { mode: 0o755 });
  const state = join(directory, 'state');
  mkdirSync(state, { mode: 0o700 });
  const { PATH } = process.env;
  Object.assign(process.env, { PATH: `${directory}:${PATH}`, DISPLAY: ':0', SEEN: seen });
  t.after(() => Object.assign(process.env, { PATH }));
  t.after(() => delete process.env['DISPLAY']);
  const url = 'http://127.0.0.1:1/secret';
  const clean = await startBrowser(state, url);
  await eventually('the browser', () => Promise.resolve(existsSync(seen)));
  const [argument = '', mode, ...content] = readFileSync(seen, 'utf8').split('\n');
  assert.match(argument, /^file:\/\/\/.*\.html$/);
  assert.ok(!argument.includes('secret'));
  assert.equal(mode, '600');
  assert.ok(content.join('').includes(`url=${url}"`));
  await clean?.();
  assert.deepEqual(readdirSync(state), []);
});
