// A connection to a port of the loopback interface, as a process has it: some have a network of their own ("network":
// "none"), which no other process is in.

import net from 'node:net';
import { hasNetworkOfItsOwn, openSocketInNetworkOf } from './sys/network-of-process.ts';

const LOOPBACK = '127.0.0.1';

/** As net.connect(). Throws ENOENT when the process is gone. */
export function connectToLoopbackOf(pid: number, port: number): net.Socket {
  if (!hasNetworkOfItsOwn(pid)) return net.connect({ host: LOOPBACK, port });
  // There is nothing to be read before it is connected.
  const socket = new net.Socket({
    fd: openSocketInNetworkOf(pid),
    manualStart: true,
  } as net.SocketConstructorOpts);
  return socket.connect({ host: LOOPBACK, port });
}
