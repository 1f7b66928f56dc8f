// What becomes of a tunnel whose ends do not end together. The target is a server of this test's, in the place of sshd or an
// inspector.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { startWebDevice, TEST_PASSWORD } from '../../../test/support/web/web-device.ts';
import { Inspection } from './inspections.ts';
import { joinTunnel } from './tunnel.ts';

const ID = '0123abcd-0123-4123-8123-0123456789ab';
const REQUEST =
  `GET /api/v1/inspect/${ID}/tunnel HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tskrazy-tunnel\r\n` +
  `Authorization: Basic ${Buffer.from(`tsk:${TEST_PASSWORD}`).toString('base64')}\r\n\r\n`;

async function listening(t: TestContext): Promise<{ server: net.Server; port: number }> {
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

/** Both ends of a connection. */
async function connection(t: TestContext): Promise<[ours: net.Socket, theirs: net.Socket]> {
  const { server, port } = await listening(t);
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const theirs = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [ours] = await accepted;
  for (const end of [ours, theirs]) {
    end.on('error', () => {});
    t.after(() => end.destroy());
  }
  return [ours, theirs];
}

/** `person` speaks through the tunnel with `program`. */
async function tunnel(
  t: TestContext,
): Promise<Record<'client' | 'person' | 'target' | 'program', net.Socket>> {
  const [client, person] = await connection(t);
  const [target, program] = await connection(t);
  return { client, person, target, program };
}

for (const isEncrypted of [true, false])
  test(`who has said all that he had to say still hears the answer${isEncrypted ? ', over TLS' : ''}`, async (t) => {
    const { server: target, port } = await listening(t);
    target.on('connection', (socket: net.Socket) => {
      let heard = 0;
      socket.on('data', (chunk) => (heard += chunk.length));
      socket.once('end', () => socket.end(`heard ${heard}`));
    });
    const device = await startWebDevice(isEncrypted ? { tls: {} } : {});
    t.after(() => device.close());
    device.server.context.inspections.set(ID, new Inspection({ pid: process.pid, port, target: ID }));
    const options = {
      port: device.tls?.port ?? device.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      allowHalfOpen: true,
    };
    const client = isEncrypted ? tls.connect(options) : net.connect(options);
    client.write(REQUEST);
    client.end('x'.repeat(300_000));
    assert.match(await text(client), /^HTTP\/1\.1 101 [^]*\r\n\r\nheard 300000$/);
  });

test('a client that is gone takes the other end with it, also while nothing is said, or before it was told', async (t) => {
  for (const leave of ['resetAndDestroy', 'destroy'] as const) {
    const { client, person, target, program } = await tunnel(t);
    joinTunnel(client, Buffer.from('first'), target);
    const [first] = (await once(program, 'data')) as [Buffer];
    assert.equal(first.toString(), 'first');
    const closed = once(target, 'close');
    person[leave]();
    program.end();
    await closed;
    if (!client.closed) await once(client, 'close');
  }
  const { client, target } = await tunnel(t);
  client.destroy();
  await once(client, 'close');
  const closed = once(target, 'close');
  joinTunnel(client, Buffer.from('too late'), target);
  await closed;
});

test('a program that is killed ends the connection, and what it said last arrives', async (t) => {
  const { client, person, target, program } = await tunnel(t);
  joinTunnel(client, Buffer.alloc(0), target);
  const heard = text(person);
  program.end('last words');
  await once(target, 'end');
  program.destroy();
  target.destroy();
  assert.match(await heard, /\r\n\r\nlast words$/);
  if (!client.closed) await once(client, 'close');
});

test('who does not read holds the program up, not the memory of the device, and misses nothing', async (t) => {
  const { client, person, target, program } = await tunnel(t);
  const held = once(target, 'pause');
  joinTunnel(client, Buffer.alloc(0), target);
  // More than the kernel keeps for both connections.
  const bytes = 64 * 1024 * 1024;
  program.end(Buffer.alloc(bytes, 'x'));
  await held;
  assert.ok(client.writableLength < 1024 * 1024, `${client.writableLength} bytes wait`);
  const heard: Buffer[] = [];
  person.on('data', (chunk: Buffer) => heard.push(chunk));
  await once(person, 'end');
  const all = Buffer.concat(heard);
  assert.equal(all.length - all.indexOf('\r\n\r\n') - 4, bytes);
});

test('who goes before TLS has begun takes no place until it is late', async (t) => {
  const device = await startWebDevice({ tls: {}, limits: { headersTimeoutMs: 2 ** 30 } });
  t.after(() => device.close());
  const client = net.connect({ port: device.tls?.port ?? 0, host: '127.0.0.1', allowHalfOpen: true });
  client.resume().end();
  await once(client, 'end');
});
