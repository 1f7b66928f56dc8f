// Clients that mean ill or are broken, over plain TCP. Each resolves when the server has got rid of it, or when it
// has done what harm it can; none expects any particular answer beyond that.

import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface WebAddress {
  host: string;
  port: number;
  /** Value of the Authorization header. */
  authorization: string;
}

const MIB = 1024 * 1024;

async function connect({ host, port }: WebAddress): Promise<net.Socket> {
  const socket = net.connect(port, host);
  // The server may cut it off at any time.
  socket.on('error', () => {});
  await firstOf(socket, 'connect');
  return socket;
}

/** Its end is as good; `events.once` would take the error before it for a failure. */
function firstOf(socket: net.Socket, event: 'connect' | 'drain' | 'close'): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const settle = (): void => {
    socket.off(event, settle).off('close', settle);
    resolve();
  };
  if (socket.destroyed) resolve();
  else socket.on(event, settle).on('close', settle);
  return promise;
}

/** One byte of a header now and then. Returns what the server said at last. */
export async function dripHeaders(address: WebAddress): Promise<string> {
  const socket = await connect(address);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
  const drip = setInterval(() => socket.write('x'), 100);
  await firstOf(socket, 'close');
  clearInterval(drip);
  return answer;
}

/** A body that is announced with `bytes` bytes and sent as far as the server lets it. Returns the bytes sent. */
export async function pourBody(address: WebAddress, bytes: number): Promise<number> {
  const socket = await connect(address);
  socket.resume();
  socket.write(
    `POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const chunk = Buffer.concat([
    Buffer.from(`${MIB.toString(16)}\r\n`),
    Buffer.alloc(MIB, 'x'),
    Buffer.from('\r\n'),
  ]);
  let sent = 0;
  while (!socket.destroyed && sent < bytes) {
    sent += MIB;
    if (!socket.write(chunk)) await firstOf(socket, 'drain');
  }
  socket.destroy();
  return sent;
}

export async function speakNoHttp(address: WebAddress): Promise<void> {
  for (const garbage of [
    '\u0016\u0003\u0001\u0002',
    'GET / HTTP/9.9',
    '\0'.repeat(1000),
    'x'.repeat(70_000),
  ]) {
    const socket = await connect(address);
    socket.resume();
    socket.write(`${garbage}\r\n\r\n`);
    await firstOf(socket, 'close');
  }
}

/** Connections that say nothing, all open at once. The caller closes them. */
export async function openIdle(address: WebAddress, count: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  // In waves: a backlog that overflows makes the kernel wait for seconds.
  while (sockets.length < count) {
    const wave = Array.from({ length: Math.min(50, count - sockets.length) }, () => connect(address));
    sockets.push(...(await Promise.all(wave)));
  }
  return sockets;
}

/** Asks for live events and does not read them, until `isEnough`. */
export async function neverRead(
  address: WebAddress,
  path: string,
  isEnough: () => Promise<boolean>,
): Promise<void> {
  const socket = await connect(address);
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${address.authorization}\r\n\r\n`);
  while (!(await isEnough())) await delay(200);
  socket.destroy();
}
