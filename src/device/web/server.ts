// The HTTP server: limits, headers, routing, and the one place where errors become answers.

import http from 'node:http';
import type net from 'node:net';

import type { DeviceConfig } from '../../shared/services/services.ts';
import { prefersPage } from './accept.ts';
import type { AssetTable } from './assets.ts';
import { Authenticator } from './auth.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { EventStreams } from './event-stream.ts';
import type { WebContext } from './exchange.ts';
import { checkHost } from './host-check.ts';
import { HttpError } from './http-error.ts';
import { InitClient } from './init-client.ts';
import { Inspections } from './inspections.ts';
import { KnownAddresses } from './known-addresses.ts';
import { LastAnswers } from './last-answers.ts';
import { logError } from './log.ts';
import type { Permits, PermitsOptions } from './permits.ts';
import { refusalPage, tlsPage } from './plain-pages.ts';
import { isEncrypted, refusePlain } from './plain-http.ts';
import { MAX_BODY_BYTES, checkBodyLength } from './request-body.ts';
import { sendJsonError, sendText, setCommonHeaders } from './respond.ts';
import type { Hardware } from './hardware.ts';
import { findRoute } from './router.ts';
import { ROUTES } from './routes.ts';
import { StatusFeed } from './status-feed.ts';
import { StatusReader } from './status.ts';
import { TlsCredentials } from './tls-credentials.ts';
import { TlsFront } from './tls-front.ts';
import { TrialWatch } from './trial-watch.ts';
import { Updates, type UpdatesOptions } from './updates.ts';
import { findTunnel, wantsTunnel } from './upgrades.ts';
import type { Meter } from './usage-meter.ts';

export interface WebServerOptions {
  config: DeviceConfig;
  initSocketPath: string;
  assets: AssetTable;
  /** Set by tests; the default is right for a device. */
  netStatusPath?: string;
  timeStatusPath?: string;
  startTimePath?: string;
  reportsPath?: string;
  identityPath?: string;
  knownAddressesPath?: string;
  meter?: Meter;
  hardware?: Hardware;
  limits?: Partial<WebLimits>;
  updates?: Pick<UpdatesOptions, 'openDisk' | 'idleMs'>;
  permits?: Pick<PermitsOptions, 'now'>;
  breakglass?: WebContext['breakglass'];
}

export interface WebLimits {
  maxConnections: number;
  /** Time from the connection (or the first byte of a further request) to the end of the headers. */
  headersTimeoutMs: number;
  /** Time in which `bodyLeastBytes` of a body that is waited for have to come, or its end. */
  bodyWindowMs: number;
  bodyLeastBytes: number;
  /** A kept connection without a request. */
  keepAliveMs: number;
  /** An answer that makes no progress. */
  idleAnswerMs: number;
  heartbeatMs: number;
  /** Time from one look at a trial to the next, and for an answer at most. */
  trialIntervalMs: number;
  trialAnswerMs: number;
  /** Time for which a client that was refused may still send: closing at once would lose the answer on its way. */
  lingerMs: number;
  /** A client that the inspector of an app, or a tunnel, is open for, and that does not acknowledge what it is sent. */
  peerSilenceMs: number;
}

const DEFAULT_LIMITS: WebLimits = {
  maxConnections: 256,
  headersTimeoutMs: 10_000,
  bodyWindowMs: 20_000,
  // More than all but updates send, so that these have 20 s. An update may come at 1 KiB/s.
  bodyLeastBytes: 20 * 1024,
  keepAliveMs: 15_000,
  idleAnswerMs: 60_000,
  heartbeatMs: 15_000,
  trialIntervalMs: 3_000,
  trialAnswerMs: 5_000,
  lingerMs: 1_000,
  peerSilenceMs: 60_000,
};
const MAX_HEADER_BYTES = 16 * 1024;

export interface WebServer {
  readonly http: http.Server;
  /** undefined: TLS is off. */
  readonly https: net.Server | undefined;
  readonly context: WebContext;
  readonly connections: ConnectionLimit;
  /** Accepts no more connections; resolves when what was accepted has its answers, and live views have ended. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export function createWebServer(options: WebServerOptions): WebServer {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const context = createContext(options, limits);
  const connections = new ConnectionLimit(limits.maxConnections);
  const server = http.createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.headersTimeoutMs,
      // Node's limit knows no progress, and an update may take hours: request-body.ts limits what is read of bodies.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
      shouldUpgradeCallback: wantsTunnel,
    },
    (request, response) => {
      if (!connections.admit(request.socket, response)) return;
      // A mistake in one answer costs its connection and not the process.
      response.on('error', (error) => {
        logError(`Cannot write the answer to ${request.method} ${request.url}`, error);
        response.destroy();
      });
      response.once('finish', () => {
        if (!request.complete) cutOff(request, limits.lingerMs);
      });
      answer(context, connections, request, response).catch((error: unknown) => {
        // This is reached only when even the error's answer fails.
        logError('Cannot answer a request', error);
        response.destroy();
      });
    },
  );
  server.on('upgrade', (request, socket: net.Socket, head) => {
    upgrade(context, connections, request, socket, head);
  });
  const lastAnswers = new LastAnswers();
  lastAnswers.watch(server);
  server.setTimeout(limits.idleAnswerMs);
  server.on('connection', (socket: net.Socket) => {
    // TLS connections were accepted before their handshake.
    if (!isEncrypted(socket)) connections.accept(socket);
  });
  const front =
    context.credentials &&
    new TlsFront({
      credentials: context.credentials,
      connections,
      handshakeMs: limits.headersTimeoutMs,
      serve: (socket) => server.emit('connection', socket),
    });
  if (front) lastAnswers.alsoClose(front.server);
  return {
    http: server,
    https: front?.server,
    context,
    connections,
    finish: () => finishServer(lastAnswers, context),
    close: async () => {
      front?.close();
      await closeServer(server, context);
    },
  };
}

function createContext(options: WebServerOptions, limits: WebLimits): WebContext {
  const { config } = options;
  const init = new InitClient(options.initSocketPath);
  const auth = new Authenticator(config, new KnownAddresses(options.knownAddressesPath));
  const credentials =
    config.web.tls === undefined ? undefined : new TlsCredentials(config.web.tls, options.identityPath);
  const timeStatus = options.timeStatusPath === undefined ? {} : { timeStatusPath: options.timeStatusPath };
  const unhealthyApps = (): Promise<readonly string[]> => trial.unhealthyApps();
  const updates = new Updates({ config, init, unhealthyApps, ...timeStatus, ...options.updates });
  const trial = new TrialWatch({
    init,
    lockOut: () => updates.lockOut(),
    onEnd: () => updates.renewSharedFiles(),
    intervalMs: limits.trialIntervalMs,
    answerLimitMs: limits.trialAnswerMs,
  });
  const status = new StatusReader({
    init,
    ...(credentials === undefined ? {} : { certificate: () => credentials.describe() }),
    mayChange: config.web.passwordHash !== null,
    updateSession: () => updates.session,
    ...(options.netStatusPath === undefined ? {} : { netStatusPath: options.netStatusPath }),
    ...timeStatus,
    ...(options.startTimePath === undefined ? {} : { startTimePath: options.startTimePath }),
    ...(options.meter === undefined ? {} : { meter: options.meter }),
    ...(options.hardware === undefined ? {} : { hardware: options.hardware }),
  });
  return {
    config,
    hostNames: {
      hostname: config.hostname,
      hosts: config.web.hosts ?? [],
      takesSearchDomains: config.web.passwordHash !== null,
      ...(options.netStatusPath === undefined ? {} : { netStatusPath: options.netStatusPath }),
    },
    credentials,
    init,
    status,
    auth,
    feed: new StatusFeed(init, status),
    streams: new EventStreams({ heartbeatMs: limits.heartbeatMs }),
    assets: options.assets,
    updates,
    permits: lazyPermits({
      config,
      bootId: status.bootId,
      isClockSet: () => updates.isClockSet(),
      ...options.permits,
    }),
    inspections: new Inspections(),
    ...(options.reportsPath === undefined ? {} : { reportsPath: options.reportsPath }),
    trial,
    peerSilenceMs: limits.peerSilenceMs,
    bodyPace: { windowMs: limits.bodyWindowMs, leastBytes: limits.bodyLeastBytes },
    breakglass: options.breakglass ?? {},
  };
}

function lazyPermits(options: PermitsOptions): WebContext['permits'] {
  let permits: Promise<Permits> | undefined;
  return async () => (permits ??= import('./permits.ts').then((module) => new module.Permits(options)));
}

async function finishServer(lastAnswers: LastAnswers, context: WebContext): Promise<void> {
  const finished = lastAnswers.finish();
  context.streams.endAll();
  context.inspections.endAll();
  await finished;
}

async function closeServer(server: http.Server, context: WebContext): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  context.trial.close();
  context.streams.endAll();
  context.inspections.endAll();
  await context.updates.close();
  context.init.close();
  server.closeAllConnections();
  await closed;
}

async function answer(
  context: WebContext,
  connections: ConnectionLimit,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  setCommonHeaders(response);
  const { path, search } = targetOf(request);
  try {
    checkHost(request, context.hostNames);
    refusePlain(context.config, request, path);
    const { route, params } = findRoute(ROUTES, request.method ?? '', path);
    checkBodyLength(request, route.maxBodyBytes ?? MAX_BODY_BYTES);
    const identity = context.auth.check(request, route.access);
    if (route.access !== 'open') connections.serve(request.socket);
    const query = new URLSearchParams(search);
    await route.handler(context, { request, response, params, query, identity });
  } catch (error) {
    answerError(context, request, response, error);
  }
}

/** The connection becomes a tunnel, or is told why not and closed. */
function upgrade(
  context: WebContext,
  connections: ConnectionLimit,
  request: http.IncomingMessage,
  socket: net.Socket,
  head: Buffer,
): void {
  const { path } = targetOf(request);
  socket.on('error', () => socket.destroy());
  const carry = async (): Promise<void> => {
    checkHost(request, context.hostNames);
    refusePlain(context.config, request, path);
    context.auth.check(request, 'change');
    const openTunnel = findTunnel(context, request, path);
    connections.keep(socket);
    await openTunnel(socket, head);
  };
  carry().catch((error: unknown) => {
    const response = new http.ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    setCommonHeaders(response);
    answerError(context, request, response, error);
  });
}

/** The target may be a whole URL (RFC 9112, section 3.2.2), as a proxy is asked. */
function targetOf({ url = '' }: http.IncomingMessage): { path: string; search: string } {
  const [path = '', search = ''] = url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 2);
  return { path: path === '' ? '/' : path, search };
}

function answerError(
  { config }: WebContext,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  error: unknown,
): void {
  if (!(error instanceof HttpError) || error.status === 502)
    logError(`${request.method} ${request.url}`, error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const known =
    error instanceof HttpError
      ? error
      : new HttpError('failed', 'Something went wrong here; the log of web says what');
  for (const [name, value] of Object.entries(known.headers)) response.setHeader(name, value);
  const wantsPage = !targetOf(request).path.startsWith('/api/') && prefersPage(request.headers.accept);
  const { tls } = config.web;
  const pageOf = (): string =>
    known.code === 'needs-tls' && tls
      ? tlsPage(config.hostname, tls, (request.headers.host ?? '').replace(/:\d+$/, ''))
      : refusalPage(known.status, known.message);
  if (wantsPage) sendText(response, known.status, pageOf(), 'text/html; charset=utf-8');
  else sendJsonError(response, known);
}

/** The request was answered before its body had come: nobody is going to read the rest. */
function cutOff(request: http.IncomingMessage, lingerMs: number): void {
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, lingerMs);
  timer.unref();
}

/** Uses a socket that listens already if there is `fd`; else listens on all addresses of both families, or of IPv4. */
export async function listen(server: net.Server, port: number, fd?: number): Promise<number> {
  try {
    await listenOn(server, fd === undefined ? { host: '::', port, ipv6Only: false } : { fd });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    await listenOn(server, { host: '0.0.0.0', port });
  }
  return (server.address() as net.AddressInfo).port;
}

function listenOn(server: net.Server, options: net.ListenOptions | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
