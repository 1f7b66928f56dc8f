// The real server against clients that mean ill or are broken. After each: the page still answers.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test, type TestContext } from 'node:test';

import { ask, basic } from '../support/web/http-ask.ts';
import { TEST_PASSWORD, startWebDevice, type WebDevice } from '../support/web/web-device.ts';
import type { WebLimits } from '../../src/device/web/server.ts';

const AUTHORIZATION = `Authorization: ${String(basic(TEST_PASSWORD)['Authorization'])}`;

async function start(t: TestContext, limits: Partial<WebLimits> = {}): Promise<WebDevice> {
  const device = await startWebDevice({ limits });
  t.after(() => device.close());
  return device;
}

async function connect(t: TestContext, { port }: WebDevice): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  // The server may cut it off at any time.
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** All that comes until the other side closes. */
async function readToEnd(socket: net.Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // Not `once`: a reset is an end, too.
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

async function assertAlive({ url }: WebDevice): Promise<void> {
  assert.equal((await ask(url, '/health')).status, 200);
}

suite('web server under bad clients', () => {
  test('cuts off headers that come too slowly', async (t) => {
    const device = await start(t, { headersTimeoutMs: 100 });
    const socket = await connect(t, device);
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n');
    const drip = setInterval(() => socket.write('X-A: b\r\n'), 20);
    t.after(() => {
      clearInterval(drip);
    });
    assert.match(await readToEnd(socket), /^HTTP\/1.1 408 /);
    await assertAlive(device);
  });

  test('answers what is no HTTP with 400', async (t) => {
    const device = await start(t);
    for (const garbage of [
      '\u0016\u0003\u0001\u0002\u0000\u0001',
      'GET / HTTP/9.9\r\n\r\n',
      'x'.repeat(70_000),
    ]) {
      const socket = await connect(t, device);
      socket.write(`${garbage}\r\n\r\n`);
      // A reset may overtake the answer.
      assert.match(await readToEnd(socket), /^(HTTP\/1.1 4\d\d |$)/);
    }
    await assertAlive(device);
  });

  test('wants to be named once', async (t) => {
    const device = await start(t);
    for (const [head, status] of [
      ['GET /health HTTP/1.1\r\n', 400],
      ['GET /health HTTP/1.1\r\nHost: garden\r\nHost: garden\r\n', 400],
      ['GET /health HTTP/1.1\r\nHost: garden\r\nhOST: evil.example\r\n', 400],
      ['GET /health HTTP/1.1\r\nHost:\r\n', 421],
      ['GET /health HTTP/1.1\r\nHost: garden,evil.example\r\n', 421],
      ['GET /health HTTP/1.0\r\n', 200],
    ] as const) {
      const socket = await connect(t, device);
      socket.write(`${head}Connection: close\r\n\r\n`);
      assert.match(await readToEnd(socket), new RegExp(`^HTTP/1.1 ${status} `), head);
    }
    await assertAlive(device);
  });

  test('refuses a huge body before and while it comes', async (t) => {
    const device = await start(t, { lingerMs: 100 });
    const announced = await connect(t, device);
    announced.write(
      'POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n',
    );
    assert.match(await readToEnd(announced), /^HTTP\/1.1 413 /);

    const endless = await connect(t, device);
    endless.write(
      'POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const pour = setInterval(() => endless.write(`1000\r\n${'x'.repeat(4096)}\r\n`), 1);
    t.after(() => {
      clearInterval(pour);
    });
    assert.match(await readToEnd(endless), /^HTTP\/1.1 413 /);
    await assertAlive(device);
  });

  test('has room for a person beside a thousand idle connections', async (t) => {
    const device = await start(t, { maxConnections: 100 });
    await Promise.all(Array.from({ length: 1000 }, () => connect(t, device)));
    await assertAlive(device);
    const status = await ask(device.url, '/api/v1/status', { headers: basic(TEST_PASSWORD) });
    assert.equal(status.status, 200);
    assert.ok(device.server.connections.openCount <= 100, `${device.server.connections.openCount} are open`);
  });

  test('has room for a person beside logins that never end', async (t) => {
    const device = await start(t, { maxConnections: 20 });
    let begun = 0;
    device.server.http.on('request', () => begun++);
    for (let count = 0; count < 20; count++) {
      const socket = await connect(t, device);
      socket.write(
        'POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\np',
      );
    }
    await until(() => begun === 20);
    await assertAlive(device);
  });

  test('answers some requests that come at once, in order, and no more than that', async (t) => {
    const device = await start(t);
    const few = await connect(t, device);
    const paths = ['/health', '/api/v1/status', '/nowhere', '/health'];
    few.write(
      paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${AUTHORIZATION}\r\n\r\n`).join('') +
        'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    const statuses = (await readToEnd(few)).matchAll(/^HTTP\/1\.1 (\d+)/gm);
    assert.deepEqual(
      [...statuses].map(([, status]) => status),
      ['200', '200', '404', '200', '200'],
    );

    // Each of them would hold its answer until the ones before it have been read.
    const many = await connect(t, device);
    many.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1000));
    const answers = (await readToEnd(many)).match(/^ok$/gm) ?? [];
    assert.ok(answers.length < 100, `${answers.length} answers`);
    await assertAlive(device);
  });

  test('never displaces a connection that is being served', async (t) => {
    const device = await start(t, { maxConnections: 2 });
    const stream = await connect(t, device);
    stream.write(`GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n${AUTHORIZATION}\r\n\r\n`);
    await once(stream, 'data');
    for (let count = 0; count < 5; count++) await connect(t, device);
    await assertAlive(device);
    assert.ok(!stream.destroyed);
    device.init.change('backup', { state: 'failed' });
    let received = '';
    stream.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    await until(() => received.includes('"failed"'));
  });

  test('bounds what waits for a client that never reads, and drops it', async (t) => {
    const device = await start(t, { heartbeatMs: 100 });
    const sockets: net.Socket[] = [];
    device.server.http.on('connection', (socket: net.Socket) => sockets.push(socket));
    const client = await connect(t, device);
    client.pause();
    client.write(
      `GET /api/v1/logs/irrigation?follow=1 HTTP/1.1\r\nHost: localhost\r\n${AUTHORIZATION}\r\n\r\n`,
    );
    await until(() => device.init.followerCount === 1);
    let largest = 0;
    const flood = 'x'.repeat(4000);
    while (sockets[0]?.destroyed === false) {
      for (let count = 0; count < 50; count++) device.init.log('irrigation', flood);
      largest = Math.max(largest, sockets[0]?.writableLength ?? 0);
      await sleep(1);
    }
    // One batch of at most 256 Ki characters, and its JSON.
    assert.ok(largest < 600_000, `${largest} bytes waited`);
    await until(() => device.init.followerCount === 0);
    await assertAlive(device);
  });

  test('allows a bounded number of live views', async (t) => {
    const device = await start(t);
    const open = async () => {
      const socket = await connect(t, device);
      socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n${AUTHORIZATION}\r\n\r\n`);
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      return chunk.toString('latin1').slice(9, 12);
    };
    const statuses: string[] = [];
    for (let count = 0; count < 34; count++) statuses.push(await open());
    assert.deepEqual([...new Set(statuses)], ['200', '503']);
    assert.equal(statuses.filter((status) => status === '200').length, 32);
    assert.equal(device.init.followerCount, 1, 'all share one follower of init');
  });
});
