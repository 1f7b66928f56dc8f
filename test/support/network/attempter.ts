// A program that tries what it is told on its input, a line of JSON each, and prints what came of it: `ok` or the code
// of the error. What it has opened stays open. Used for apps that are kept to a network, and for those around them.

import { createSocket, type SocketType } from 'node:dgram';
import { once } from 'node:events';
import { dlopen } from 'node:ffi';
import { writeSync } from 'node:fs';
import { connect, createServer, isIPv6, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

/** Who has not got through by then has met somebody who is silent. */
const SILENCE_MS = 400;

let heard = 0;

const ACTS: Readonly<Record<string, (host: string, port: number) => Promise<string>>> = {
  /** Answers `ok` and, for port 0, the port that the kernel has chosen. */
  async listen(host, port) {
    // Who connects goes again at once, which is an error to whoever writes to it.
    const server = createServer((socket) => socket.on('error', () => {}).end('hello'));
    server.listen(port, host);
    await once(server, 'listening');
    return port === 0 ? `ok ${(server.address() as AddressInfo).port}` : 'ok';
  },

  async connect(host, port) {
    const socket = connect({ host, port, timeout: SILENCE_MS });
    // Timers come before what has arrived: on a busy machine the answer may be here as well.
    socket.once('timeout', () =>
      setImmediate(() => {
        if (socket.connecting) socket.destroy(Object.assign(new Error(), { code: 'silence' }));
      }),
    );
    await once(socket, 'connect');
    socket.destroy();
    return 'ok';
  },

  /** By a socket of Multipath TCP. */
  async connectMptcp(_host, port) {
    const fd = libc().socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP) as number;
    if (fd < 0) return 'no such protocol';
    return (libc().connect(fd, ipv4Loopback(port), 16) as number) === 0 ? 'ok' : 'refused';
  },

  /** With the first bytes, and without connect(2): TCP Fast Open. */
  async connectBySending(_host, port) {
    const fd = libc().socket(AF_INET, SOCK_STREAM, 0) as number;
    const bytes = Buffer.from('GET / HTTP/1.0\r\n\r\n');
    const sent = libc().sendto(fd, bytes, BigInt(bytes.length), MSG_FASTOPEN, ipv4Loopback(port), 16);
    return Number(sent) === bytes.length ? 'ok' : 'refused';
  },

  async bindUdp(host, port) {
    const socket = createSocket({ type: typeOf(host), reuseAddr: true });
    socket.bind(port, host);
    await once(socket, 'listening');
    return 'ok';
  },

  /** At all addresses, and in the group where `host` is one. */
  async hearUdp(host, port) {
    const socket = createSocket({ type: typeOf(host), reuseAddr: true });
    socket.on('message', () => heard++);
    socket.bind(port);
    await once(socket, 'listening');
    if (host.startsWith('ff')) socket.addMembership(host, '::%eth0');
    else if (/^2(?:2[4-9]|3\d)\./.test(host)) socket.addMembership(host);
    return `ok ${socket.address().port}`;
  },

  /** How many datagrams have come since it was asked before. */
  async heard() {
    await setTimeout(SILENCE_MS);
    const count = heard;
    heard = 0;
    return String(count);
  },

  /** A datagram from a socket that is not connected. Nobody has to be there. */
  async sendUdp(host, port) {
    const socket = createSocket(typeOf(host));
    const sent = Promise.withResolvers<void>();
    socket.on('error', sent.reject);
    socket.bind();
    await Promise.race([once(socket, 'listening'), sent.promise]);
    socket.setBroadcast(true);
    socket.send('hello', port, host, (error) => (error ? sent.reject(error) : sent.resolve()));
    await sent.promise;
    socket.close();
    return 'ok';
  },

  async connectUdp(host, port) {
    const socket = createSocket(typeOf(host));
    socket.connect(port, host);
    await once(socket, 'connect').finally(() => socket.close());
    return 'ok';
  },
};

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_MPTCP = 262;
const MSG_FASTOPEN = 0x20000000;

/** Calls that Node.js itself does not make. Opened late: most have no use for it. */
function libc(): Record<'socket' | 'connect' | 'sendto', (...args: unknown[]) => unknown> {
  const { functions } = dlopen('libc.so.6', {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    connect: { arguments: ['int32', 'buffer', 'uint32'], return: 'int32' },
    sendto: { arguments: ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'uint32'], return: 'int64' },
  });
  return functions as ReturnType<typeof libc>;
}

/** struct sockaddr_in */
function ipv4Loopback(port: number): Uint8Array {
  return Uint8Array.of(AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
}

function typeOf(host: string): SocketType {
  return isIPv6(host) ? 'udp6' : 'udp4';
}

for await (const line of createInterface({ input: process.stdin })) {
  const [act, host, port] = JSON.parse(line) as [string, string, number];
  const result = await ACTS[act]?.(host, port).catch(
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
  );
  writeSync(1, `${result}\n`);
}
