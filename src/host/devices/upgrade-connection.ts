// A connection to a device that speaks another protocol from the answer on (RFC 9110, section 7.8).

import type { IncomingMessage } from 'node:http';
import type net from 'node:net';
import { http } from '../http.ts';
import { SilenceError } from './patience.ts';

export interface UpgradeRequest {
  socket: net.Socket;
  path: string;
  headers: Readonly<Record<string, string>>;
  protocol: string;
  answerMs: number;
  signal: AbortSignal;
}

/** `head`: what came after the answer already. An answer instead of it: the device refuses. */
export type Upgraded = { socket: net.Socket; head: Buffer } | { answer: IncomingMessage };

export function requestUpgrade(plan: UpgradeRequest): Promise<Upgraded> {
  const { socket, path, protocol, answerMs, signal } = plan;
  const headers = { ...plan.headers, Connection: 'Upgrade', Upgrade: protocol };
  const request = http.request({ createConnection: () => socket, path, headers, signal });
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded>();
  request.setTimeout(answerMs, () => request.destroy(new SilenceError()));
  request.once('upgrade', (_answer, upgraded, head) => {
    socket.setTimeout(0);
    resolve({ socket: upgraded, head });
  });
  request.once('response', (answer) => resolve({ answer }));
  request.once('error', reject);
  request.end();
  return promise;
}
