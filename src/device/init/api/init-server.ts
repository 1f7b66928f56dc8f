// init's control API (shared/api/init-api.ts) on its Unix socket. Requests come from our own programs, but a
// mistake of theirs must not cost PID 1 anything either: sizes, times and connections are limited.

import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import type { ApiError } from '../../../shared/api/init-api.ts';
import { statusOf } from '../../../shared/api/refusals.ts';
import { describeError } from '../../describe-error.ts';
import { listenAtPath } from '../../listen-at-path.ts';
import { sendJson } from './send-json.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import { route, type InitApi } from './routes.ts';

const MAX_CONNECTIONS = 64;
const HEADER_TIME_MS = 5000;

export async function serveInitApi(socketPath: string, api: InitApi): Promise<Server> {
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: HEADER_TIME_MS,
      requestTimeout: HEADER_TIME_MS,
      keepAliveTimeout: 2000,
    },
    (request, response) => void answer(api, request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o755 });
  // Should it not be able to accept connections for long, the health loop notices; what keeps init running is main.ts's business.
  await listenAtPath(server, socketPath);
  return server;
}

async function answer(api: InitApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Most requests have no body that means anything; read-json.ts listens in the same turn.
  request.resume();
  response.on('error', () => response.destroy());
  try {
    await route(api, request, response);
  } catch (error) {
    if (response.headersSent) {
      response.destroy();
    } else {
      const { code, details } =
        error instanceof ApiRefusal ? error : ({ code: 'failed', details: {} } as const);
      sendJson(response, statusOf(code), {
        error: describeError(error),
        code,
        ...details,
      } satisfies ApiError);
    }
  }
}
