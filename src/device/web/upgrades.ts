// Connections that become tunnels: HTTP as far as it takes to tell who asks and for what (RFC 9110, section 7.8), then the
// bytes of a connection to something of the device's own, both ways, until either side ends it.

import { once } from 'node:events';
import type net from 'node:net';
import type http from 'node:http';
import { TUNNEL_PROTOCOL } from '../../shared/tunnel-protocol.ts';
import type { Inspection } from './inspections.ts';
import { CONNECTION_PATH } from './breakglass-routes.ts';
import type { WebContext } from './exchange.ts';
import { HttpError } from './http-error.ts';
import { joinTunnel } from './tunnel.ts';

const TUNNEL_PATH = /^\/api\/v1\/inspect\/([0-9a-f-]{36})\/tunnel$/;

export function wantsTunnel({ headers }: http.IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === TUNNEL_PROTOCOL;
}

/** Makes `client` a tunnel. `head`: bytes that came behind the request. Rejects with HttpError when nothing is there any more. */
export type OpenTunnel = (client: net.Socket, head: Buffer) => Promise<void>;

/** What a tunnel of that address leads to. Throws HttpError 404 or 503. */
export function findTunnel(context: WebContext, request: http.IncomingMessage, path: string): OpenTunnel {
  const session = CONNECTION_PATH.exec(path)?.[1];
  if (session !== undefined)
    return async (client, head) => {
      const { carryConnection } = await import('./breakglass-handlers.ts');
      await carryConnection(context, request, client, head, session);
    };
  const id = TUNNEL_PATH.exec(path)?.[1];
  if (id === undefined) throw new HttpError('no-such-address', 'There is no tunnel at this address');
  const inspection = findInspection(context, id);
  return async (client, head) => {
    const { limitSilence } = await import('../sys/peer-silence.ts');
    limitSilence(client, context.peerSilenceMs);
    await openInspection(inspection, client, head);
  };
}

function findInspection({ inspections }: WebContext, id: string): Inspection {
  const inspection = inspections.get(id);
  if (inspection === undefined)
    throw new HttpError('no-such-session', 'Nothing is open under this id any more');
  if (inspection.isFull)
    throw new HttpError('busy', 'As many tunnels lead there as may', { headers: { 'Retry-After': '1' } });
  return inspection;
}

async function openInspection(inspection: Inspection, client: net.Socket, head: Buffer): Promise<void> {
  inspection.add(client);
  let target: net.Socket | undefined;
  try {
    const { connectToLoopbackOf } = await import('../connect-to-loopback.ts');
    const { pid, port } = inspection.endpoint;
    target = connectToLoopbackOf(pid, port);
    await once(target, 'connect');
  } catch (cause) {
    throw new HttpError('no-such-session', 'Nothing is open under this id any more', { cause });
  }
  joinTunnel(client, head, target);
}
