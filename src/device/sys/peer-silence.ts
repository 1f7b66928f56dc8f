// How long a peer may be silent that has to answer for what was sent to it (TCP_USER_TIMEOUT of tcp(7)): the kernel itself
// gives up after a quarter of an hour. Keep-alives do not help, because they are not sent while anything is on its way.

import type net from 'node:net';
import { bindLibc } from './libc.ts';

const IPPROTO_TCP = 6;
const TCP_USER_TIMEOUT = 18;

const setsockopt = bindLibc('setsockopt', ['int32', 'int32', 'int32', 'buffer', 'uint32']);

/** The connection fails with ETIMEDOUT then. Below TLS, too. */
export function limitSilence(socket: net.Socket, limitMs: number): void {
  // Node.js has no name for it, and no option of its own for this.
  const { fd = -1 } = (socket as { _handle?: { fd?: number } | null })._handle ?? {};
  if (fd < 0) return; // Closed meanwhile.
  const value = new Uint8Array(new Uint32Array([limitMs]).buffer);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, value, value.length);
}
