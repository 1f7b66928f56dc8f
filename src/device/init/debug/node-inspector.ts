// The inspector of a Node.js process, from outside: SIGUSR1 opens it, the process says on its standard error where it
// listens, and it closes when it is told so over its own protocol. What the process says is not believed: what counts is
// that its own socket listens there. Nothing that it sends over a connection is read.

import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import type net from 'node:net';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeClientFrame } from '../../../formats/websocket.ts';
import {
  type InspectorEndpoint,
  LISTENING_LINE,
  LISTENING_LINE_BYTES,
} from '../../../shared/debug/debug-api.ts';
import { listeningSockets, socketsOf } from '../../listening-sockets.ts';
import { connectToLoopbackOf } from '../../connect-to-loopback.ts';
import { monotonicMs } from '../../monotonic.ts';
import type { Sys } from '../../sys/sys.ts';

const LOOPBACK = '127.0.0.1';
/** Of SIGUSR1 in a set of signals. */
const SIGUSR1_BIT = 1n << 9n;
/** From one look at the sockets of a process to the next. */
export const FIRST_PAUSE_MS = 10;
export const LONGEST_PAUSE_MS = 160;
/** Looking at more would be felt: each is a system call, and the app says how many there are. */
const MAX_DESCRIPTORS = 4096;
/** A process that does not get round to it for so long hangs; an emulated machine takes seconds. */
export const CLOSE_LIMIT_MS = 30_000;

/** Whether SIGUSR1 opens an inspector, as far as can be told from outside: to any other program it may be the end. */
export function describeProcess(sys: Sys, pid: number): 'node' | 'deaf node' | 'another program' | 'gone' {
  try {
    if (basename(readlinkSync(sys.path(`/proc/${pid}/exe`))) !== 'node') return 'another program';
    const status = readFileSync(sys.path(`/proc/${pid}/status`), 'latin1');
    const caught = /^SigCgt:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
    return (BigInt(`0x${caught}`) & SIGUSR1_BIT) === 0n ? 'deaf node' : 'node';
  } catch {
    return 'gone';
  }
}

/** Finds lines that say where an inspector listens in pieces of output. What they say is the process's own word. */
export class ListeningLines {
  #rest = '';

  /** Places named in complete lines so far, that were not returned before. */
  take(chunk: Buffer): { port: number; target: string }[] {
    const text = this.#rest + chunk.toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    this.#rest = text.slice(end).slice(-LISTENING_LINE_BYTES);
    return [...text.slice(0, end).matchAll(LISTENING_LINE)].map(([, port = '', target = '']) => ({
      port: Number(port),
      target,
    }));
  }
}

/** Ports of the loopback interface that the process itself, and none of its children, listens on. */
export function loopbackPorts(sys: Sys, pid: number): Set<number> {
  const own = new Set(socketsOf(sys.path(`/proc/${pid}/fd`)).take(MAX_DESCRIPTORS));
  return new Set(
    listeningSockets(sys.path(`/proc/${pid}`))
      .filter(({ protocol, address, inode }) => protocol === 'tcp' && address === LOOPBACK && own.has(inode))
      .map(({ port }) => port),
  );
}

/** Also undoes what a debugger has left in the app: it may have been killed in the middle. */
const CLOSING = `(() => {
  try { globalThis[Symbol.for('tskrazy.debugger')]?.end(); } catch {}
  process.getBuiltinModule('inspector').close();
})()`;

/** True when it does not listen any more. */
export async function closeInspector(sys: Sys, endpoint: InspectorEndpoint): Promise<boolean> {
  // Somebody else may have the port by now.
  if (!isListening(sys, endpoint)) return true;
  const deadline = monotonicMs() + CLOSE_LIMIT_MS;
  let pauseMs = FIRST_PAUSE_MS;
  let socket: net.Socket | undefined;
  try {
    socket = sendClosing(endpoint);
    while (isListening(sys, endpoint)) {
      if (monotonicMs() > deadline) return false;
      await sleep(pauseMs, undefined, { ref: false });
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
    return true;
  } catch (error) {
    // It has ended in this moment.
    if (isListening(sys, endpoint)) throw error;
    return true;
  } finally {
    socket?.destroy();
  }
}

export function isListening(sys: Sys, { pid, port }: InspectorEndpoint): boolean {
  return existsSync(sys.path(`/proc/${pid}`)) && loopbackPorts(sys, pid).has(port);
}

function sendClosing({ pid, port, target }: InspectorEndpoint): net.Socket {
  const request = { id: 1, method: 'Runtime.evaluate', params: { expression: CLOSING, silent: true } };
  const frame = encodeClientFrame('text', Buffer.from(JSON.stringify(request)));
  const socket = connectToLoopbackOf(pid, port);
  socket.on('error', () => socket.destroy());
  socket.write(upgradeRequest(target));
  // Frames count once the server has answered; what it answers shows in that it closes.
  socket.once('data', () => {
    socket.write(frame);
    socket.resume();
  });
  return socket;
}

/** The key is not looked at by who does not read the answer. */
function upgradeRequest(target: string): string {
  return [
    `GET /${target} HTTP/1.1`,
    `Host: ${LOOPBACK}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dHNrcmF6eS1pbnNwZWN0bw==',
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');
}
