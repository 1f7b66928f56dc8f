// The client against the device's real web server, and against what else may answer at an address.

import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test, type TestContext } from 'node:test';
import { startWebDevice, TEST_PASSWORD, type WebDevice } from '../../../test/support/web/web-device.ts';
import { showsLife } from './patience.ts';
import { DeviceClient, type LogBatch } from './device-client.ts';
import { checkIdentity } from './device-problems.ts';
import type { FoundDevice } from './find-device.ts';
import { NoAnswerError } from './no-answer-error.ts';

const KNOWN = { password: TEST_PASSWORD, file: '.tskrazy/password' };
const { signal } = new AbortController();

function found(port: number, more: Partial<FoundDevice> = {}): FoundDevice {
  return {
    name: 'garden',
    foundBy: 'network',
    addresses: [{ host: '127.0.0.1', port, tls: false }],
    expected: { hostname: 'garden', board: 'pc-amd64', authorities: [] },
    ...more,
  };
}

async function start(t: TestContext, options: Parameters<typeof startWebDevice>[0] = {}): Promise<WebDevice> {
  const device = await startWebDevice(options);
  t.after(() => device.close());
  return device;
}

/** Something that is no device. */
async function serve(t: TestContext, listener: http.RequestListener): Promise<number> {
  const server = http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Of a port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = http.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A device that leaves `silent` questions without an answer, or, with `begins`, without the end of one. */
async function slowDevice(
  t: TestContext,
  silent: number,
  begins = false,
): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const port = await serve(t, ({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    if (asked.length > silent) response.end('[]');
    else if (begins) response.write('[');
  });
  return { port, asked };
}

function page(isUp: boolean): () => Promise<boolean> {
  return async () => isUp;
}

function name(...addresses: string[]): () => Promise<readonly string[]> {
  return async () => addresses;
}

suite('a slow device', () => {
  const answerMs = 50;

  test('is asked again as long as it shows that it is there, and that is said once', async (t) => {
    for (const begins of [false, true]) {
      const { port, asked } = await slowDevice(t, 3, begins);
      const told: string[] = [];
      const patience = { answerMs, tell: (text: string) => told.push(text), showsLife: async () => true };
      const client = new DeviceClient(found(port), KNOWN, signal, patience);
      assert.deepEqual(await client.boots(), []);
      assert.ok(asked.length >= 4);
      assert.equal(told.length, 1);
      assert.match(told[0] ?? '', /^"garden" is there, but has not answered for /);
    }
  });

  test('is given up without a sign of life, or after too long', async (t) => {
    const { port } = await slowDevice(t, Infinity);
    for (const [limitMs, signs] of [
      [60_000, [true, false]],
      [0, [true]],
    ] as const) {
      const left = [...signs];
      const patience = { answerMs, limitMs, showsLife: async () => left.shift() ?? false };
      const client = new DeviceClient(found(port), KNOWN, signal, patience);
      await assert.rejects(client.boots(), { name: 'NoAnswerError', message: /there is no answer$/ });
    }
  });

  test('is not asked twice for what changes something', async (t) => {
    const { port, asked } = await slowDevice(t, Infinity);
    const client = new DeviceClient(found(port), KNOWN, signal, { answerMs, showsLife: async () => true });
    await assert.rejects(client.power('reboot'), NoAnswerError);
    assert.equal(asked.length, 1);
  });

  test('is there when its virtual machine runs, or its page or its name is answered', async () => {
    const device = found(0);
    const never = new Promise<never>(() => {});
    assert.equal(await showsLife(found(0, { vmPid: process.pid }), page(false), signal, name()), true);
    assert.equal(await showsLife(device, page(true), signal, () => never), true);
    assert.equal(await showsLife(device, () => never, signal, name('192.0.2.1')), true);
    assert.equal(await showsLife(device, page(false), signal, name()), false);
    const client = new DeviceClient(found(0, { vmPid: process.pid }), KNOWN, signal);
    assert.equal(await client.showsLife(), true);
  });
});

suite('DeviceClient', () => {
  test('reads, acts, and asks for power', async (t) => {
    const device = await start(t);
    const client = new DeviceClient(found(device.port), KNOWN, signal);
    assert.equal((await client.status()).system.hostname, 'garden');
    device.init.log('backup', 'one');
    device.init.log('backup', 'two', 'stderr');
    const lines = await client.log('backup', { lines: 2 });
    assert.deepEqual(
      lines.map(({ stream, text }) => [stream, text]),
      [
        ['stdout', 'one'],
        ['stderr', 'two'],
      ],
    );
    assert.equal((await client.act('irrigation', 'restart')).state, 'running');
    await client.power('reboot');
    assert.deepEqual(device.init.acts, ['restart irrigation', 'reboot']);
    assert.deepEqual(await client.boots(), []);
    assert.equal(await client.isUp(), true);
  });

  test('follows a log, goes on from where it was, and says when it was cut off', async (t) => {
    const device = await start(t);
    const client = new DeviceClient(found(device.port), KNOWN, signal);
    device.init.log('backup', 'one');
    let last: LogBatch | undefined;
    for await (const batch of client.follow('backup', { lines: 1 })) {
      last = batch;
      break;
    }
    assert.deepEqual(
      last?.lines.map(({ text }) => text),
      ['one'],
    );
    device.init.log('backup', 'two');
    const texts: string[] = [];
    const following = (async () => {
      for await (const { lines } of client.follow('backup', { lines: 10 }, last.id)) {
        texts.push(...lines.map(({ text }) => text));
        await device.init.close();
        await device.server.close();
      }
    })();
    await following.catch((error: unknown) => assert.ok(error instanceof NoAnswerError));
    assert.deepEqual(texts, ['two']);
  });

  test('takes the first address that answers', async (t) => {
    const device = await start(t);
    const addresses = [await closedPort(), device.port].map((port) => ({
      host: '127.0.0.1',
      port,
      tls: false,
    }));
    const client = new DeviceClient(found(0, { addresses }), KNOWN, signal);
    await client.status();
    assert.equal(client.address.port, device.port);
  });

  test('tells a wrong password from another device', async (t) => {
    const { port } = await start(t);
    const wrong = { password: 'wrong', file: '.tskrazy/password' };
    await assert.rejects(new DeviceClient(found(port), wrong, signal).status(), {
      message: `Cannot log in to "garden" at 127.0.0.1:${port}: the password in ".tskrazy/password" is wrong`,
    });
    const shed = found(port, {
      name: 'shed',
      expected: { hostname: 'shed', board: 'pc-amd64', authorities: [] },
    });
    await assert.rejects(new DeviceClient(shed, wrong, signal).status(), {
      message: `Cannot talk to "shed": another device answers at 127.0.0.1:${port}: it calls itself "garden"`,
    });
  });

  test('calls a device by its name that does not know the address, as behind a tunnel', async (t) => {
    const device = await start(t);
    const hosts: string[] = [];
    const port = await serve(t, (request, response) => {
      hosts.push(request.headers.host ?? '');
      // A router that forwards: to the device the address is one of its own, which it does not have.
      const host = request.headers.host === 'garden' ? 'garden' : '203.0.113.7';
      const headers = { ...request.headers, host };
      const onward = http.request(
        { port: device.port, path: request.url ?? '/', method: request.method ?? 'GET', headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(response);
        },
      );
      request.pipe(onward);
    });
    const client = new DeviceClient(found(port), KNOWN, signal);
    assert.equal(await client.isUp(), true);
    assert.equal((await client.status()).system.hostname, 'garden');
    await client.act('irrigation', 'restart');
    assert.deepEqual(hosts, [`127.0.0.1:${port}`, `127.0.0.1:${port}`, 'garden', 'garden']);
    const other = new DeviceClient(
      found(port, { expected: { hostname: 'shed', board: 'pc-amd64', authorities: [] } }),
      KNOWN,
      signal,
    );
    await assert.rejects(other.status(), /does not go by the name "203\.0\.113\.7"; .* "web\.hosts"/);
  });

  test('says so when what answers is no device', async (t) => {
    const listeners: http.RequestListener[] = [
      (_request, response) => response.end('<h1>Router</h1>'),
      (_request, response) => response.end('{"hello": true}'),
      (_request, response) => response.end('null'),
      (_request, response) => response.writeHead(404).end('Not found'),
      (_request, response) =>
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end('{"error":{"message":"no"}}'),
      (_request, response) => response.writeHead(302, { Location: '/login' }).end(),
      (_request, response) => response.end('{"system": {"hostname": "garden", "board": "pc-amd64"}}'),
      // As TLS and SSH answer to HTTP, and a server that changes the protocol unasked.
      ({ socket }) => socket.end('\x15\x03\x01\x00\x02\x02\x46'),
      ({ socket }) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
      ({ socket }) =>
        socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    ];
    for (const listener of listeners) {
      const client = new DeviceClient(found(await serve(t, listener)), KNOWN, signal);
      await assert.rejects(client.status(), /what answers at 127\.0\.0\.1:\d+ is not a device of tskrazy$/);
    }
  });

  test('says so when nobody answers', async (t) => {
    const client = new DeviceClient(found(await closedPort()), KNOWN, signal);
    await assert.rejects(
      client.status(),
      /^NoAnswerError: Cannot reach "garden" at \S+: the connection was refused$/,
    );
    assert.equal(await client.isUp(), false);
    const rude = await serve(t, (request) => request.socket.destroy());
    await assert.rejects(
      new DeviceClient(found(rude), KNOWN, signal).status(),
      /^NoAnswerError: Cannot reach .*: the connection was closed without an answer$/,
    );
  });

  test('takes half an answer for none: the device went away', async (t) => {
    const heads = {
      'reads a status': [200, 'X-Nothing: 1'],
      'reads a refusal': [409, 'X-Nothing: 1'],
      'is not logged in': [401, 'WWW-Authenticate: Basic realm="tskrazy"'],
    } as const;
    for (const [what, [code, header]] of Object.entries(heads)) {
      const port = await serve(t, ({ socket }) => {
        socket.write(`HTTP/1.1 ${code} X\r\n${header}\r\nContent-Length: 1000\r\n\r\n{"error"`);
        socket.end();
      });
      const client = new DeviceClient(found(port), KNOWN, signal);
      await assert.rejects(client.status(), NoAnswerError, what);
      await assert.rejects(client.log('backup', {}), NoAnswerError, what);
    }
    const cut = await serve(t, ({ socket }) => socket.end('HTTP/1.1 200 O'));
    await assert.rejects(new DeviceClient(found(cut), KNOWN, signal).status(), NoAnswerError);
    const page = await serve(t, (_request, response) => response.end('<h1>Router</h1>'));
    await assert.rejects(new DeviceClient(found(page), KNOWN, signal).log('backup', {}), /is not a device/);
  });

  test('passes on what the device refuses', async (t) => {
    const device = await start(t);
    const client = new DeviceClient(found(device.port), KNOWN, signal);
    await assert.rejects(client.act('backup', 'stop'), {
      message: 'Cannot stop "backup": service "backup" is stopped already',
    });
    const open = await start(t, { password: null });
    await assert.rejects(new DeviceClient(found(open.port), KNOWN, signal).power('poweroff'), {
      message:
        'Cannot power off "garden": this device has no password, so that nothing can be changed over the network',
    });
  });

  test('understands devices of 0.1, which name no codes', async (t) => {
    const answers: Readonly<Record<string, [status: number, body: object]>> = {
      '/api/v1/boots': [404, { error: { message: 'There is nothing at this address' } }],
      '/api/v1/logs/nobody?format=ndjson': [404, { error: { message: 'There is no log "nobody"' } }],
      '/api/v1/update/x/try': [409, { error: { message: 'It has to restart first' }, restartFirst: true }],
      '/api/v1/update': [422, { error: { message: 'It was signed before' }, reason: 'older' }],
      '/api/v1/reboot': [502, { error: { message: 'init does not answer' } }],
    };
    const old = await serve(t, ({ url = '' }, response) => {
      const [status, body] = answers[url] ?? [401, { error: { message: 'The password is wrong' } }];
      response.writeHead(status, { 'WWW-Authenticate': 'Basic realm="tskrazy", charset="UTF-8"' });
      response.end(JSON.stringify(body));
    });
    const client = new DeviceClient(found(old), KNOWN, signal);
    await assert.rejects(client.boots(), /it runs an older tskrazy, which does not know how$/);
    await assert.rejects(client.log('nobody', {}), {
      name: 'RefusalError',
      message: 'Cannot read the log "nobody": there is no log "nobody"',
      code: undefined,
      statusCode: 404,
    });
    const asks = { method: 'POST', act: 'update "garden"' } as const;
    await assert.rejects(client.askJson('/api/v1/update/x/try', asks), { code: 'restart-first' });
    await assert.rejects(client.askJson('/api/v1/update', asks), { code: 'image-older', statusCode: 422 });
    await assert.rejects(client.power('reboot'), NoAnswerError);
    await assert.rejects(client.status(), /the password in ".tskrazy\/password" is wrong$/);
  });

  test('goes by the status of a code that is newer than it, and shows the sentence', async (t) => {
    let answer: [status: number, code: unknown] = [409, 'made-up-later'];
    const port = await serve(t, (_request, response) => {
      const [status, code] = answer;
      response.writeHead(status).end(JSON.stringify({ error: { code, message: 'It is full moon' } }));
    });
    const client = new DeviceClient(found(port), KNOWN, signal);
    for (const status of [401, 404, 409, 422, 503]) {
      answer = [status, 'made-up-later'];
      await assert.rejects(client.boots(), {
        name: 'RefusalError',
        message: 'Cannot read the earlier logs: it is full moon',
        code: undefined,
        statusCode: status,
      });
    }
    answer = [504, 'made-up-later'];
    await assert.rejects(client.boots(), NoAnswerError);
    // The code says what is meant, whatever the sentence and the rest of the answer do.
    answer = [404, 'no-such-address'];
    await assert.rejects(client.log('backup', {}), /it runs an older tskrazy, which does not know how$/);
  });

  test('is quick to end at Ctrl-C', async (t) => {
    const port = await serve(t, () => {});
    const controller = new AbortController();
    const asking = new DeviceClient(found(port), KNOWN, controller.signal).status();
    controller.abort(new Error('Ctrl-C'));
    await assert.rejects(asking, /Ctrl-C/);
  });
});

test('checkIdentity warns of a device that was named, and refuses one that was found', async (t) => {
  const device = await start(t);
  const client = new DeviceClient(found(device.port), KNOWN, signal);
  const status = await client.status();
  const { address } = client;
  assert.equal(checkIdentity(found(device.port), address, status), undefined);
  const expected = { hostname: 'shed', board: 'pc-amd64', authorities: [] } as const;
  assert.throws(() => checkIdentity(found(0, { expected }), address, status), /it calls itself "garden"/);
  assert.match(
    checkIdentity(found(0, { foundBy: 'host', expected }), address, status) ?? '',
    /is not quite that of this instance, "shed": it calls itself "garden"$/,
  );
  // ssh would take it for an option, and known_hosts for two hosts.
  for (const hostname of ['-oKnownHostsCommand=/bin/touch /tmp/x', 'garden,*', 'garden x', '', 'a\nb']) {
    const posing = { ...status, system: { ...status.system, hostname } };
    assert.throws(
      () => checkIdentity(found(0, { foundBy: 'host', expected }), address, posing),
      /another device answers .*it calls itself/s,
    );
  }
  const arm = { hostname: 'garden', board: 'pc-arm64', authorities: [] } as const;
  assert.throws(
    () => checkIdentity(found(0, { expected: arm }), address, status),
    /it is a pc-amd64, the instance is for pc-arm64/,
  );
});
