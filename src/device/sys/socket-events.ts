// Tells when a socket that libuv does not know (AF_PACKET, AF_NETLINK) has something to read.
//
// The kernel sends SIGIO for every arrival (fcntl O_ASYNC), Node turns the signal into an event, and all watched
// sockets are drained. Tried and rejected: net.Socket({ fd }) and dgram refuse the address families; fs.read blocks
// one of the four threads of libuv's pool per socket for ever; a Worker in poll(2) costs 6 MB. This costs nothing
// while nothing arrives and uses public interfaces only.

import { bindLibc } from './libc.ts';

const F_SETFL = 4;
const F_SETOWN = 8;
const O_NONBLOCK = 0o4000;
const O_ASYNC = 0o20000;
/** Signals merge but do not get lost; should one be, the socket is stuck for no longer than this. */
const SWEEP_MS = 60_000;

const fcntl = bindLibc('fcntl', ['int32', 'int32', 'int64']);
const drains = new Map<number, () => void>();
let sweepTimer: NodeJS.Timeout | undefined;
let isListening = false;

/** Calls `drain` whenever `fd` may have become readable; it must read until nothing is left. Keeps the process alive. */
export function watchSocket(fd: number, drain: () => void): void {
  // The handler comes first and stays for ever: without one, SIGIO ends the process.
  if (!isListening) process.on('SIGIO', drainSockets);
  isListening = true;
  sweepTimer ??= setInterval(drainSockets, SWEEP_MS);
  drains.set(fd, drain);
  fcntl(fd, F_SETOWN, BigInt(process.pid));
  fcntl(fd, F_SETFL, BigInt(O_NONBLOCK | O_ASYNC));
  // What arrived before O_ASYNC has raised no signal.
  setImmediate(drainSockets);
}

export function unwatchSocket(fd: number): void {
  drains.delete(fd);
  if (drains.size > 0) return;
  clearInterval(sweepTimer);
  sweepTimer = undefined;
}

/** Reads what has arrived. For those who are about to act because nothing has: timers come before signals. */
export function drainSockets(): void {
  // A drain may close sockets and open others; iterating a Map allows for both.
  for (const drain of drains.values()) drain();
}
