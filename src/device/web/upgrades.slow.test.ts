import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { startWebDevice, TEST_PASSWORD, type WebDevice } from '../../../test/support/web/web-device.ts';
import { Inspection } from './inspections.ts';

const ID = '0123abcd-0123-4123-8123-0123456789ab';
const PATH = `/api/v1/inspect/${ID}/tunnel`;
const AUTHORIZATION = `Basic ${Buffer.from(`tsk:${TEST_PASSWORD}`).toString('base64')}`;

let device: WebDevice;
let inspection: Inspection;
/** Answers all in capitals. */
const target = net.createServer((socket) => {
  socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()));
  socket.on('error', () => {});
});

before(async () => {
  device = await startWebDevice({ tls: {}, limits: { maxConnections: 20 } });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port } = target.address() as AddressInfo;
  inspection = new Inspection({ pid: process.pid, port, target: ID });
  device.server.context.inspections.set(ID, inspection);
});

after(async () => {
  await device.close();
  target.close();
});

interface Asked {
  path?: string;
  authorization?: string;
  upgrade?: string;
}

/** The connection, or the status and the body of a refusal. */
async function ask({
  path = PATH,
  authorization = AUTHORIZATION,
  upgrade = 'tskrazy-tunnel',
}: Asked = {}): Promise<net.Socket | { status: number; code: string }> {
  const socket = tls.connect({ port: device.tls?.port ?? 0, host: '127.0.0.1', rejectUnauthorized: false });
  const request = http.request({
    createConnection: () => socket,
    path,
    headers: { Host: 'garden', Connection: 'Upgrade', Upgrade: upgrade, Authorization: authorization },
  });
  request.end();
  const { promise, resolve, reject } = Promise.withResolvers<net.Socket | { status: number; code: string }>();
  request.once('error', reject);
  request.once('upgrade', (_answer, upgraded) => resolve(upgraded));
  request.once('response', (answer) => {
    let body = '';
    answer.setEncoding('utf8').on('data', (text: string) => (body += text));
    answer.once('end', () => {
      const { error } = JSON.parse(body) as { error?: { code: string } };
      resolve({ status: answer.statusCode ?? 0, code: error?.code ?? 'none' });
      socket.destroy();
    });
  });
  return promise;
}

async function open(): Promise<net.Socket> {
  const opened = await ask();
  assert.ok(opened instanceof net.Socket, JSON.stringify(opened));
  return opened;
}

async function say(socket: net.Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString();
}

test('a tunnel carries bytes both ways, over TLS, and ends with either side', async () => {
  const socket = await open();
  assert.equal(await say(socket, 'one'), 'ONE');
  const accepted = once(target, 'connection');
  const other = await open();
  const [served] = (await accepted) as [net.Socket];
  served.destroy();
  await once(other, 'close');
  assert.equal(await say(socket, 'two'), 'TWO');
  socket.destroy();
});

test('who may not is told why', async () => {
  const refusals = [
    [{ authorization: 'Basic bm86bm8=' }, 401, 'wrong-password'],
    [{ path: PATH.replace('0123abcd', '00000000') }, 404, 'no-such-session'],
    [{ path: '/api/v1/status' }, 404, 'no-such-address'],
    [{ upgrade: 'websocket' }, 426, 'needs-upgrade'],
    // Not asked for what this server has: a request like all others.
    [{ upgrade: 'h2c', path: '/api/v1/sessions' }, 200, 'none'],
  ] as const;
  for (const [asked, status, code] of refusals)
    assert.deepEqual(await ask(asked), { status, code }, JSON.stringify(asked));
});

test('an inspector that is gone is one that is not there', async () => {
  const gone = net.createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  const id = ID.replace('0123abcd', '11111111');
  device.server.context.inspections.set(id, new Inspection({ pid: process.pid, port, target: ID }));
  assert.deepEqual(await ask({ path: PATH.replace(ID, id) }), { status: 404, code: 'no-such-session' });
});

test('so many and no more, and idle connections do not take their place', async () => {
  const tunnels = await Promise.all(Array.from({ length: 8 }, open));
  assert.deepEqual(await ask(), { status: 503, code: 'busy' });
  const crowd = Array.from({ length: 40 }, () => net.connect({ port: device.port, host: '127.0.0.1' }));
  for (const socket of crowd) socket.on('error', () => {});
  await Promise.all(crowd.map((socket) => once(socket, 'connect')));
  for (const tunnel of tunnels) assert.equal(await say(tunnel, 'still'), 'STILL');
  for (const socket of crowd) socket.destroy();
  const ends = tunnels.map((tunnel) => once(tunnel, 'close'));
  for (const tunnel of tunnels) tunnel.resume();
  inspection.end();
  await Promise.all(ends);
});

test('the end of the server is the end of its tunnels', async () => {
  const socket = await open();
  socket.resume();
  const ended = once(socket, 'close');
  device.server.context.inspections.endAll();
  await ended;
});
