// What comes in clear where TLS is spoken, too: enough to find the way there. Whoever calls the device "localhost" is on
// this side of the network (the forwarded port of a virtual machine) and gets everything.

import type http from 'node:http';
import type net from 'node:net';
import type tls from 'node:tls';

import type { DeviceConfig } from '../../shared/services/services.ts';
import { HttpError } from './http-error.ts';

const OPEN = /^\/(?:health$|assets\/)/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

export function isEncrypted(socket: net.Socket | tls.TLSSocket): boolean {
  return 'encrypted' in socket;
}

/** Throws HttpError 403. There is no redirect: who follows one in clear would never know whom it came from. */
export function refusePlain({ web }: DeviceConfig, request: http.IncomingMessage, path: string): void {
  const { socket, headers } = request;
  if (web.tls === undefined || isEncrypted(socket) || OPEN.test(path)) return;
  if (LOOPBACK.test(headers.host ?? '')) return;
  const { port } = web.tls;
  throw new HttpError('needs-tls', `This device is spoken to by HTTPS, on port ${port}`, {
    details: { port },
  });
}
