// The page over TLS, and what is left of it in clear.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test, type TestContext } from 'node:test';
import tls from 'node:tls';

import {
  type CertifiedKey,
  makeAuthority,
  makeDeviceCertificate,
} from '../../src/host/config/identity/certificate.ts';
import { IDENTITY_SERVER_NAME } from '../../src/shared/services/device-tls.ts';
import type { WebStatus } from '../../src/shared/api/web-api.ts';
import { requireTool } from '../support/require-tool.ts';
import type { Answer } from '../support/web/http-ask.ts';
import { ask, basic } from '../support/web/http-ask.ts';
import {
  startWebDevice,
  TEST_PASSWORD,
  type TestTls,
  type WebDevice,
  type WebDeviceOptions,
} from '../support/web/web-device.ts';

interface TlsDevice extends WebDevice {
  tls: TestTls;
}

async function start(t: TestContext, options: Partial<WebDeviceOptions> = {}): Promise<TlsDevice> {
  const device = await startWebDevice({ tls: {}, ...options });
  t.after(() => device.close());
  assert.ok(device.tls);
  return { ...device, tls: device.tls };
}

/** As a browser that has imported the authority. */
function askTls(
  { tls: { port, authority } }: TlsDevice,
  path: string,
  options: https.RequestOptions = {},
): Promise<Pick<Answer, 'status' | 'body'>> {
  return new Promise((resolve, reject) => {
    const request = https.get(
      { host: '127.0.0.1', port, path, ca: authority, servername: 'garden.local', agent: false, ...options },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    request.on('error', reject);
  });
}

/** The fingerprint that a client is shown. */
async function shown({ tls: { port } }: TlsDevice, servername: string): Promise<string | undefined> {
  const socket = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate()?.fingerprint256;
  } finally {
    socket.destroy();
  }
}

/** At once, as a program that renews certificates should. */
function put(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

async function connect(t: TestContext, port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  // The server may cut it off at any time.
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

suite('the page over TLS', () => {
  test('is the same as on a device without, by TLS 1.3 alone', async (t) => {
    const device = await start(t);
    const { status, body } = await askTls(device, '/api/v1/status', { headers: basic(TEST_PASSWORD) });
    assert.equal(status, 200);
    const { certificate } = JSON.parse(body) as WebStatus;
    assert.deepEqual(certificate, { port: 0, fingerprint: device.tls.fingerprint, isOwn: false });
    await assert.rejects(askTls(device, '/health', { maxVersion: 'TLSv1.2' }), /protocol version/);
    await assert.rejects(askTls(device, '/health', { servername: 'shed.local' }), /altnames/);
  });

  test('a password that is wrong over TLS counts as in clear', async (t) => {
    const device = await start(t);
    const headers = basic('wrong');
    for (let i = 0; i < 30; i++) await askTls(device, '/api/v1/status', { headers });
    assert.equal((await askTls(device, '/api/v1/status', { headers })).status, 429);
    assert.equal((await ask(device.url, '/api/v1/status', { headers })).status, 429);
  });

  test('in clear there is a way to it for others than this computer, and nothing else', async (t) => {
    const device = await start(t);
    const headers = { Host: 'garden.local', Accept: 'text/html', ...basic(TEST_PASSWORD) };
    const page = await ask(device.url, '/', { headers });
    assert.equal(page.status, 403);
    assert.match(page.body, /href="https:\/\/garden\.local/);
    assert.equal(page.headers['cache-control'], 'no-store');
    const refused = await ask(device.url, '/api/v1/status', { headers: { Host: 'garden' } });
    assert.equal(refused.status, 403);
    assert.equal((refused.json() as { error: { code: string } }).error.code, 'needs-tls');
    for (const path of ['/api/v1/sessions', '/api/v1/reboot']) {
      const answer = await ask(device.url, path, { method: 'POST', headers: { ...headers, Accept: '*/*' } });
      assert.equal(answer.status, 403, path);
    }
    assert.equal((await ask(device.url, '/health', { headers: { Host: 'garden.local' } })).status, 200);
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:80']) {
      const answer = await ask(device.url, '/api/v1/status', {
        headers: { Host: host, ...basic(TEST_PASSWORD) },
      });
      assert.equal(answer.status, 200, host);
    }
  });

  test('what is no handshake, or none in time, costs its connection and no line of the log', async (t) => {
    const device = await start(t, { limits: { headersTimeoutMs: 200 } });
    const said = t.mock.method(process.stderr, 'write', () => true);
    for (const nonsense of [
      'GET / HTTP/1.1\r\nHost: garden\r\n\r\n',
      '\u0016\u0003\u0001',
      '\0'.repeat(5000),
    ]) {
      const socket = await connect(t, device.tls.port);
      socket.resume().write(nonsense);
      await once(socket, 'close');
    }
    const silent = await connect(t, device.tls.port);
    await once(silent.resume(), 'close');
    await until(() => device.server.connections.openCount === 0);
    assert.equal(said.mock.callCount(), 0);
    said.mock.restore();
    assert.equal((await askTls(device, '/health')).status, 200);
  });

  test('connections with and without TLS share one limit, and those that idle give way', async (t) => {
    const device = await start(t, { limits: { maxConnections: 4 } });
    const idle = await Promise.all([1, 2].map(() => connect(t, device.port)));
    const handshaking = await Promise.all([1, 2].map(() => connect(t, device.tls.port)));
    await until(() => device.server.connections.openCount === 4);
    assert.equal((await askTls(device, '/health')).status, 200);
    await until(() => [...idle, ...handshaking].some(({ closed }) => closed));
    assert.ok(device.server.connections.openCount <= 4);
    // A live view over TLS is busy: others do not displace it.
    const headers = basic(TEST_PASSWORD);
    const { port, authority: ca } = device.tls;
    const view = https.get({
      host: '127.0.0.1',
      port,
      path: '/api/v1/events',
      ca,
      headers,
      servername: 'garden.local',
      agent: false,
    });
    t.after(() => view.destroy());
    const [events] = (await once(view, 'response')) as [import('node:http').IncomingMessage];
    await once(events, 'data');
    events.on('error', () => {});
    events.resume();
    await Promise.all(Array.from({ length: 12 }, () => connect(t, device.tls.port)));
    await sleep(0);
    assert.equal(events.closed, false);
  });

  test('a server that ends answers what it has accepted over TLS, too', async (t) => {
    const device = await start(t);
    const { port, authority: ca } = device.tls;
    const socket = tls.connect({ host: '127.0.0.1', port, ca, servername: 'garden.local' });
    await once(socket, 'secureConnect');
    const finished = device.server.finish();
    socket.write('GET /health HTTP/1.1\r\nHost: garden.local\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    await finished;
  });
});

suite('a certificate of the user', () => {
  const names = { hostname: 'garden.example.org', dns: ['garden.example.org'], addresses: [] };

  function makeOwn(): CertifiedKey & { authority: string; fingerprint: string } {
    const authority = makeAuthority(names, Date.now());
    const signer = { ...authority, privateKey: createPrivateKey(authority.privateKey) };
    const own = makeDeviceCertificate(names, signer, Date.now());
    const { fingerprint256: fingerprint } = new X509Certificate(own.certificate);
    return { ...own, authority: authority.certificate, fingerprint };
  }

  test("is shown to browsers and read again when its files change; tsk is shown the device's own", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-own-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const own = { certificatePath: join(directory, 'cert.pem'), keyPath: join(directory, 'key.pem') };
    const said = t.mock.method(process.stderr, 'write', () => true);
    const device = await start(t, { tls: { own } });
    const browser = (): Promise<string | undefined> => shown(device, 'garden.example.org');
    // Not there yet: whoever renews them starts later.
    assert.equal(await browser(), device.tls.fingerprint);
    const first = makeOwn();
    put(own.certificatePath, first.certificate);
    assert.equal(await browser(), device.tls.fingerprint);
    put(own.keyPath, first.privateKey);
    assert.equal(await browser(), first.fingerprint);
    assert.equal(await shown(device, IDENTITY_SERVER_NAME), device.tls.fingerprint);
    const second = makeOwn();
    put(own.keyPath, second.privateKey);
    assert.equal(await browser(), first.fingerprint);
    put(own.certificatePath, second.certificate);
    assert.equal(await browser(), second.fingerprint);
    assert.equal(await shown(device, ''), second.fingerprint);
    const ca = second.authority;
    const servername = 'garden.example.org';
    const answer = await askTls(device, '/api/v1/status', { ca, servername, headers: basic(TEST_PASSWORD) });
    const { certificate } = JSON.parse(answer.body) as WebStatus;
    assert.deepEqual(certificate, { port: 0, fingerprint: second.fingerprint, isOwn: true });
    // A line for each change, and none for each connection.
    assert.equal(said.mock.callCount(), 5);
  });

  test('is shown with the certificates between it and its authority, which browsers do not have', async (t) => {
    if (!requireTool(t, 'openssl')) return;
    const directory = mkdtempSync(join(tmpdir(), 'tsk-chain-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const path = (name: string): string => join(directory, name);
    const make = (name: string, extension: string, signer?: string): string => {
      const signedBy =
        signer === undefined ? [] : ['-CA', path(`${signer}.pem`), '-CAkey', path(`${signer}.key`)];
      const key = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        path(`${name}.key`),
      ];
      const argv = [
        'req',
        '-x509',
        ...key,
        '-days',
        '2',
        '-subj',
        `/CN=${name}`,
        '-addext',
        extension,
        ...signedBy,
      ];
      execFileSync('openssl', [...argv, '-out', path(`${name}.pem`)], { stdio: 'pipe' });
      return readFileSync(path(`${name}.pem`), 'utf8');
    };
    const root = make('root', 'keyUsage=critical,keyCertSign');
    const between = make('between', 'keyUsage=critical,keyCertSign', 'root');
    const leaf = make('leaf', 'subjectAltName=DNS:garden.example.org', 'between');
    const own = { certificatePath: path('cert.pem'), keyPath: path('leaf.key') };
    put(own.certificatePath, leaf);
    t.mock.method(process.stderr, 'write', () => true);
    const device = await start(t, { tls: { own } });
    const servername = 'garden.example.org';
    const asBrowser = { ca: root, servername, headers: basic(TEST_PASSWORD) };
    await assert.rejects(askTls(device, '/', asBrowser), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    put(own.certificatePath, leaf + between);
    const answer = await askTls(device, '/api/v1/status', asBrowser);
    assert.equal(answer.status, 200);
    const { certificate } = JSON.parse(answer.body) as WebStatus;
    assert.equal(certificate?.fingerprint, new X509Certificate(leaf).fingerprint256);
  });
});
