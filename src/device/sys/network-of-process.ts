// TCP sockets in the network of another process (network_namespaces(7)). A socket stays in the network in which it was
// made, so that only the thread that makes it has to be there, for the moment of one system call.

import { closeSync, openSync, readlinkSync } from 'node:fs';
import { bindLibc } from './libc.ts';

const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
/** As libuv makes its own. */
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0o2000000 | 0o4000;
const OWN_NETWORK = '/proc/self/ns/net';

const setns = bindLibc('setns', ['int32', 'int32']);
const socket = bindLibc('socket', ['int32', 'int32', 'int32']);

function networkOf(pid: number): string {
  return `/proc/${pid}/ns/net`;
}

/** Whether the process has another network than this one. Fails with ENOENT when it is gone. */
export function hasNetworkOfItsOwn(pid: number): boolean {
  return readlinkSync(networkOf(pid)) !== readlinkSync(OWN_NETWORK);
}

/** Descriptor of an IPv4 socket that is not connected yet. Takes root. */
export function openSocketInNetworkOf(pid: number): number {
  return inNetwork(networkOf(pid), () => socket(AF_INET, SOCK_STREAM_CLOEXEC_NONBLOCK, 0));
}

/** `path`: a file that stands for a network. What `act` makes before it returns belongs to that. */
export function inNetwork<T>(path: string, act: () => T): T {
  const own = openSync(OWN_NETWORK, 'r');
  try {
    const other = openSync(path, 'r');
    try {
      setns(other, CLONE_NEWNET);
      try {
        return act();
      } finally {
        goBack(own);
      }
    } finally {
      closeSync(other);
    }
  } finally {
    closeSync(own);
  }
}

/** A program that speaks to the wrong network is worse than none. */
function goBack(own: number): void {
  try {
    setns(own, CLONE_NEWNET);
  } catch {
    process.abort();
  }
}
