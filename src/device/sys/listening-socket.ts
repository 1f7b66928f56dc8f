// A TCP socket that listens and that nobody here reads: its descriptor is for a child to inherit (tcp(7), ipv6(7)).

import { closeSync } from 'node:fs';
import { bindLibc } from './libc.ts';

const AF_INET = 2;
const AF_INET6 = 10;
/** libuv reads a socket that it is given without waiting, and CLOEXEC keeps the socket from all other children. */
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** Connections that wait while there is nobody to accept them; the kernel has a bound of its own (somaxconn). */
const BACKLOG = 511;

const socket = bindLibc('socket', ['int32', 'int32', 'int32']);
const setsockopt = bindLibc('setsockopt', ['int32', 'int32', 'int32', 'buffer', 'uint32']);
const bind = bindLibc('bind', ['int32', 'buffer', 'uint32']);
const listen = bindLibc('listen', ['int32', 'int32']);

/** On all addresses of both families; on IPv4 alone where the kernel has no IPv6. */
export function openListeningSocket(port: number): number {
  try {
    return open(AF_INET6, port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    return open(AF_INET, port);
  }
}

function open(family: typeof AF_INET | typeof AF_INET6, port: number): number {
  const fd = socket(family, SOCK_STREAM_CLOEXEC_NONBLOCK, 0);
  try {
    // Connections of a server before that are not quite over do not hold the port. Two that listen are refused as ever.
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    const address = anyAddress(family, port);
    bind(fd, address, address.length);
    listen(fd, BACKLOG);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function setOption(fd: number, level: number, option: number, value: number): void {
  setsockopt(fd, level, option, Uint8Array.of(value, 0, 0, 0), 4);
}

/** sockaddr_in or sockaddr_in6 (netinet/in.h); the address itself is all zeros. */
function anyAddress(family: number, port: number): Uint8Array {
  const bytes = new Uint8Array(family === AF_INET ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true); // 0  2  family
  view.setUint16(2, port); //         2  2  port, in network order
  return bytes;
}
