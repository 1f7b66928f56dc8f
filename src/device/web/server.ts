// The HTTP server: limits, headers, routing, and the one place where errors become answers.

import http from 'node:http';
import type net from 'node:net';

import type { DeviceConfig } from '../../shared/services.ts';
import type { AssetTable } from './assets.ts';
import { Authenticator } from './auth.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { EventStreams } from './event-stream.ts';
import { HttpError } from './http-error.ts';
import { InitClient } from './init-client.ts';
import { logError } from './log.ts';
import { refusalPage } from './plain-pages.ts';
import { checkBodyLength } from './request-body.ts';
import { sendJsonError, sendText, setCommonHeaders } from './respond.ts';
import { findRoute } from './router.ts';
import { ROUTES, type WebContext } from './routes.ts';
import { StatusFeed } from './status-feed.ts';
import { StatusReader } from './status.ts';
import type { Meter } from './usage-meter.ts';

export interface WebServerOptions {
  config: DeviceConfig;
  initSocketPath: string;
  assets: AssetTable;
  /** For tests; the defaults are right for a device. */
  netStatusPath?: string;
  timeStatusPath?: string;
  meter?: Meter;
  limits?: Partial<WebLimits>;
}

export interface WebLimits {
  maxConnections: number;
  /** From the connection (or the first byte of a further request) to the end of the headers. */
  headersTimeoutMs: number;
  /** And to the end of the body. */
  requestTimeoutMs: number;
  /** A kept connection without a request. */
  keepAliveMs: number;
  /** An answer that makes no progress. */
  idleAnswerMs: number;
  heartbeatMs: number;
  /** So long a client that was refused may still send: closing at once would lose the answer on its way. */
  lingerMs: number;
}

const DEFAULT_LIMITS: WebLimits = {
  maxConnections: 256,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  keepAliveMs: 15_000,
  idleAnswerMs: 60_000,
  heartbeatMs: 15_000,
  lingerMs: 1_000,
};
const MAX_HEADER_BYTES = 16 * 1024;

export interface WebServer {
  readonly http: http.Server;
  readonly context: WebContext;
  readonly connections: ConnectionLimit;
  close(): Promise<void>;
}

export function createWebServer(options: WebServerOptions): WebServer {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { config } = options;
  const init = new InitClient(options.initSocketPath);
  const status = new StatusReader({
    init,
    mayChange: config.web.passwordHash !== null,
    ...(options.netStatusPath === undefined ? {} : { netStatusPath: options.netStatusPath }),
    ...(options.timeStatusPath === undefined ? {} : { timeStatusPath: options.timeStatusPath }),
    ...(options.meter === undefined ? {} : { meter: options.meter }),
  });
  const context: WebContext = {
    config,
    init,
    status,
    auth: new Authenticator(config.web.passwordHash),
    feed: new StatusFeed(init, status),
    streams: new EventStreams({ heartbeatMs: limits.heartbeatMs }),
    assets: options.assets,
  };
  const connections = new ConnectionLimit(limits.maxConnections);
  const server = http.createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    },
    (request, response) => {
      connections.serve(request.socket, response);
      response.once('finish', () => {
        if (!request.complete) cutOff(request, limits.lingerMs);
      });
      answer(context, request, response).catch((error: unknown) => {
        // Only when even the error's answer fails.
        logError('Cannot answer a request', error);
        response.destroy();
      });
    },
  );
  server.setTimeout(limits.idleAnswerMs);
  server.on('connection', (socket: net.Socket) => {
    connections.accept(socket);
  });
  return {
    http: server,
    context,
    connections,
    close: () => closeServer(server, context),
  };
}

function closeServer(server: http.Server, context: WebContext): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    context.streams.endAll();
    context.init.close();
    server.closeAllConnections();
  });
}

async function answer(
  context: WebContext,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  setCommonHeaders(response);
  const [path = '', search = ''] = (request.url ?? '').split('?', 2);
  try {
    const { route, params } = findRoute(ROUTES, request.method ?? '', path);
    checkBodyLength(request);
    const identity = context.auth.check(request, route.access);
    const query = new URLSearchParams(search);
    await route.handler(context, { request, response, params, query, identity });
  } catch (error) {
    answerError(request, response, error);
  }
}

function answerError(request: http.IncomingMessage, response: http.ServerResponse, error: unknown): void {
  if (!(error instanceof HttpError) || error.status === 502)
    logError(`${request.method} ${request.url}`, error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const known =
    error instanceof HttpError
      ? error
      : new HttpError(500, 'Something went wrong here; the log of web says what');
  for (const [name, value] of Object.entries(known.headers)) response.setHeader(name, value);
  const wantsPage =
    !(request.url ?? '').startsWith('/api/') && /\btext\/html\b/.test(request.headers.accept ?? '');
  if (wantsPage)
    sendText(response, known.status, refusalPage(known.status, known.message), 'text/html; charset=utf-8');
  else sendJsonError(response, known.status, known.message);
}

/** The request was answered before its body had come: nobody is going to read the rest. */
function cutOff(request: http.IncomingMessage, lingerMs: number): void {
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, lingerMs);
  timer.unref();
}

/** On all addresses of both families; on IPv4 alone where the kernel has no IPv6. */
export async function listen(server: http.Server, port: number): Promise<number> {
  try {
    await listenOn(server, { host: '::', port, ipv6Only: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    await listenOn(server, { host: '0.0.0.0', port });
  }
  return (server.address() as net.AddressInfo).port;
}

function listenOn(server: http.Server, options: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
