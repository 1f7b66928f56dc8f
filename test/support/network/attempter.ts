// A program that tries what it is told on its input, a line of JSON each, and prints what came of it: `ok` or the code
// of the error. What it has opened stays open. Used for apps that are kept to a network, and for those around them.

import { createSocket, type SocketType } from 'node:dgram';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { connect, createServer, isIPv6, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

/** Who has not got through by then has met somebody who is silent. */
const SILENCE_MS = 400;

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

  async bindUdp(host, port) {
    const socket = createSocket({ type: typeOf(host), reuseAddr: true });
    socket.bind(port, host);
    await once(socket, 'listening');
    return 'ok';
  },

  /** A datagram from a socket that is not connected. Nobody has to be there. */
  async sendUdp(host, port) {
    const socket = createSocket(typeOf(host));
    const sent = Promise.withResolvers<void>();
    socket.on('error', sent.reject);
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
