// Whoever does not prove to be the device is sent nothing, and is named.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { suite, test, type TestContext } from 'node:test';
import tls from 'node:tls';
import {
  startWebDevice,
  TEST_PASSWORD,
  type TestTls,
  type WebDevice,
} from '../../../test/support/web/web-device.ts';
import type { DeviceAddress } from './device-address.ts';
import { DeviceClient } from './device-client.ts';
import type { FoundDevice } from './find-device.ts';
import type { Patience } from './patience.ts';

const KNOWN = { password: TEST_PASSWORD, file: '.tskrazy/password' };
const { signal } = new AbortController();

async function start(t: TestContext): Promise<WebDevice & { tls: TestTls }> {
  const device = await startWebDevice({ tls: {} });
  t.after(() => device.close());
  assert.ok(device.tls);
  return { ...device, tls: device.tls };
}

const at = (port: number, plainPort?: number): DeviceAddress => ({
  host: '127.0.0.1',
  port,
  tls: true,
  ...(plainPort === undefined ? {} : { plainPort }),
});

function client(
  authorities: readonly string[],
  addresses: readonly DeviceAddress[],
  more: Partial<FoundDevice> = {},
  patience: Partial<Patience> = {},
): DeviceClient {
  const expected = {
    hostname: 'garden',
    board: 'pc-amd64',
    authorities: authorities.map((pem) => new X509Certificate(pem)),
  } as const;
  const device = { name: 'garden', foundBy: 'network', addresses, expected, ...more } as const;
  return new DeviceClient(device, KNOWN, signal, patience);
}

async function listen(t: TestContext, server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

interface Way {
  port: number;
  /** From its first to its last. */
  connections: net.Socket[];
  close: () => Promise<unknown>;
}

/** A way to `port` on which connections can be lost. */
async function startWay(t: TestContext, port: number): Promise<Way> {
  const connections: net.Socket[] = [];
  const server = net.createServer((socket) => {
    connections.push(socket);
    const onward = net.connect(port, '127.0.0.1');
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const)
      from
        .on('error', () => undefined)
        .on('close', () => to.destroy())
        .pipe(to);
  });
  const close = async (): Promise<unknown> => {
    for (const socket of connections) socket.destroy();
    return once(server.close(), 'close');
  };
  return { port: await listen(t, server), connections, close };
}

/** Somebody with a certificate of his own, and all that he was told behind it. */
async function startImpostor(t: TestContext): Promise<{ port: number; heard: () => string }> {
  const other = await start(t);
  const pem = readFileSync(other.tls.path);
  let heard = '';
  const server = tls.createServer({ key: pem, cert: pem }, (socket) => {
    socket.on('data', (chunk: Buffer) => (heard += String(chunk))).on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  return { port: await listen(t, server), heard: () => heard };
}

suite('a device proves by TLS that it is the one', () => {
  test('by whatever address it is reached, and also when the authority is one of before', async (t) => {
    const { tls: proof } = await start(t);
    const other = await start(t);
    const status = await client([other.tls.authority, proof.authority], [at(proof.port)]).status();
    assert.equal(status.system.hostname, 'garden');
    assert.equal(status.certificate?.fingerprint, proof.fingerprint);
  });

  test('somebody with another certificate is named by it, and hears nothing', async (t) => {
    const { tls: proof } = await start(t);
    const impostor = await startImpostor(t);
    await assert.rejects(client([proof.authority], [at(impostor.port)]).power('reboot'), {
      message: new RegExp(
        String.raw`^Cannot talk to "garden" at 127\.0\.0\.1:${impostor.port}: it has the certificate of somebody else \(SHA-256 (?:[0-9A-F]{2}:){31}`,
      ),
    });
    await assert.rejects(client([], [at(impostor.port)]).status(), /the identity of the device is not in/);
    assert.equal(impostor.heard(), '');
  });

  test('plain HTTP is refused with the way out, and asked for a sign of life only', async (t) => {
    const { tls: proof } = await start(t);
    const asked: http.IncomingMessage[] = [];
    const server = http.createServer((request, response) => {
      asked.push(request);
      response.end('ok\n');
    });
    const plain = await listen(t, server);
    const closed = net.createServer();
    const free = await listen(t, closed);
    closed.close();
    for (const address of [at(free, plain), at(plain, plain)]) {
      asked.length = 0;
      await assert.rejects(client([proof.authority], [address]).status(), {
        message: `Cannot talk to "garden" at 127.0.0.1:${plain}: it speaks plain HTTP only, by which nobody can prove to be your device`,
        hint: /--insecure-http/,
      });
      const heard = asked.map(({ url, headers }) => [url, headers.authorization]);
      assert.deepEqual(heard, [['/health', undefined]]);
    }
  });

  test('what speaks neither, closes or is silent', async (t) => {
    const { tls: proof } = await start(t);
    const ssh = await listen(
      t,
      net.createServer((socket) => void socket.on('error', () => {}).write('SSH-2.0-x\r\n')),
    );
    const refused = client([proof.authority], [at(ssh)]).status();
    await assert.rejects(refused, /^UserError: Cannot talk to .*: what answers there speaks no TLS 1\.3$/);
    const closing = await listen(
      t,
      net.createServer((socket) => void socket.destroy()),
    );
    await assert.rejects(client([proof.authority], [at(closing)]).status(), {
      name: 'NoAnswerError',
      message: /the connection was closed without an answer$/,
    });
    const impatient = { answerMs: 300, showsLife: async () => false };
    const silent = await listen(
      t,
      net.createServer((socket) => void socket.on('error', () => {}).resume()),
    );
    await assert.rejects(client([proof.authority], [at(silent)], {}, impatient).status(), {
      name: 'NoAnswerError',
      message: /there is no answer$/,
    });
  });

  test('whoever took the name first is passed over, and named when there is nobody else', async (t) => {
    const { tls: proof } = await start(t);
    const impostor = await startImpostor(t);
    const { heard } = impostor;
    const first = client([proof.authority], [at(impostor.port), at(proof.port)]);
    assert.equal((await first.status()).system.hostname, 'garden');
    assert.equal(first.address.port, proof.port);
    let asked = 0;
    const others = async (): Promise<DeviceAddress[]> => {
      asked += 1;
      return [at(proof.port)];
    };
    const second = client([proof.authority], [at(impostor.port)], { others });
    assert.equal((await second.status()).system.hostname, 'garden');
    const third = client([proof.authority], [at(impostor.port)], { others: async () => [] });
    await assert.rejects(third.status(), /it has the certificate of somebody else/);
    assert.deepEqual([asked, heard()], [1, '']);
  });

  test('once for many questions, and again when the connection is gone, with or without a word', async (t) => {
    const { tls: proof } = await start(t);
    const { port, connections } = await startWay(t, proof.port);
    const asking = client([proof.authority], [at(port)], {}, { answerMs: 2000 });
    for (let count = 0; count < 3; count += 1) await asking.status();
    assert.equal(connections.length, 1);
    const [first] = connections;
    first?.destroy();
    await asking.status();
    // As when the device has lost its power: nothing comes any more, not even an end.
    connections[1]?.unpipe().pause();
    await asking.status();
    assert.equal(connections.length, 3);
    // What must not be done twice has a connection of its own.
    await asking.logIn();
    assert.equal(connections.length, 4);
  });

  test('in the middle of it: another that has taken over the address gets nothing either', async (t) => {
    const device = await start(t);
    const { port, close } = await startWay(t, device.tls.port);
    const both = client([device.tls.authority], [at(port)]);
    await both.status();
    await close();
    const pem = readFileSync((await start(t)).tls.path);
    let heard = '';
    const server = tls.createServer({ key: pem, cert: pem }, (socket) => {
      socket.on('data', (chunk: Buffer) => (heard += String(chunk))).on('error', () => undefined);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    await assert.rejects(both.power('poweroff'), /somebody else/);
    assert.equal(heard, '');
  });
});
