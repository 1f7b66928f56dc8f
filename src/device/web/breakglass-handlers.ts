// Answers the requests for break-glass sessions, and carries the bytes of their connections.

import type http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';

import { parseBreakglassRequest } from '../../shared/breakglass/breakglass-request.ts';
import { MAX_PERMIT_BYTES } from '../../shared/permit/permit-api.ts';
import { OpenerRefusal, SessionOpener } from '../breakglass/session-opener.ts';
import { giveMemoryBackSoon } from '../give-memory-back.ts';
import { limitSilence } from '../sys/peer-silence.ts';
import type { Handler, WebContext } from './exchange.ts';
import { HttpError, understand } from './http-error.ts';
import { joinTunnel } from './tunnel.ts';
import { canonicalAddress } from './own-addresses.ts';
import { contentEncoding, readJson, receiveBody } from './request-body.ts';
import { sendJson } from './respond.ts';

/** Unpacking and starting take a moment on a slow device. */
const ANSWER_LIMIT_MS = 120_000;

const openers = new WeakMap<WebContext, SessionOpener>();

export function openerOf(context: WebContext): SessionOpener {
  let opener = openers.get(context);
  if (opener === undefined) {
    const { config, init } = context;
    opener = new SessionOpener({ config, init, ...context.breakglass });
    openers.set(context, opener);
  }
  return opener;
}

type SessionHandler = (
  opener: SessionOpener,
  exchange: Parameters<Handler>[1],
  context: WebContext,
) => Promise<void>;

const answering =
  (handler: SessionHandler): Handler =>
  async (context, exchange) => {
    exchange.request.socket.setTimeout(ANSWER_LIMIT_MS);
    try {
      await handler(openerOf(context), exchange, context);
    } catch (error) {
      throw asHttpError(error);
    } finally {
      context.status.expire();
    }
  };

export const showSession = answering(async (opener, { response }) => {
  sendJson(response, 200, await opener.status());
});

export const openSession = answering(async (opener, { request, response }, { bodyPace, permits }) => {
  const body = await readJson(request, bodyPace, MAX_PERMIT_BYTES);
  const permit = (await permits()).check(body, 'breakglass');
  const wanted = understand(parseBreakglassRequest, permit.request);
  sendJson(response, 201, await opener.open(wanted, { keyId: permit.keyId, from: addressOf(request) }));
});

export const receiveToolbox = answering(async (opener, { request, response, params }, { bodyPace }) => {
  if (contentEncoding(request) !== 'zstd')
    throw new HttpError('wrong-type', 'The toolbox has to be packed by zstd', {
      headers: { 'Accept-Encoding': 'zstd' },
    });
  const session = await opener.receive(params['id'] ?? '', (signal) =>
    receiveBody(request, bodyPace, signal),
  );
  giveMemoryBackSoon();
  sendJson(response, 200, { session, needsToolbox: false, hostKey: await opener.hostKey() });
});

export const closeSession = answering(async (opener, { request, response, query }) => {
  await opener.close(`closed from ${addressOf(request)}`, query.get('if') === 'idle');
  giveMemoryBackSoon();
  response.writeHead(204);
  response.end();
});

/** `client`: whose request has been found to be allowed. `head`: what it has sent already. */
export async function carryConnection(
  context: WebContext,
  request: http.IncomingMessage,
  client: net.Socket,
  head: Buffer,
  id: string,
): Promise<void> {
  const opener = openerOf(context);
  await opener.announce(id, addressOf(request));
  const session = net.connect({ path: opener.socketPath, allowHalfOpen: true });
  await once(session, 'connect').catch((cause: unknown) => {
    throw new HttpError('breakglass-ended', 'This break-glass session is over', { cause });
  });
  limitSilence(client, context.peerSilenceMs);
  client.once('close', giveMemoryBackSoon);
  joinTunnel(client, head, session);
}

export function addressOf({ socket }: http.IncomingMessage): string {
  return canonicalAddress(socket.remoteAddress ?? '') ?? 'an unknown address';
}

function asHttpError(error: unknown): unknown {
  if (error instanceof OpenerRefusal) return new HttpError(error.code, error.message, { cause: error });
  return error;
}
