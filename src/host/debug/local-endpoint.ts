// The inspector of an app as debuggers look for one: on a port of this computer. They ask it for its targets
// (/json/list), which the app itself does not tell anybody, and then speak to one over a tunnel of its own. Other users of this
// computer are not among them: whoever debugs an app may have it do anything.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ownsConnection } from '../devices/owns-connection.ts';
import { http } from '../http.ts';
import { UserError } from '../user-error.ts';
import type { OpenInspector } from './open-inspector.ts';
import { MappedStream, type ScriptSourceMaps } from './script-source-maps.ts';

/** Where debuggers look by themselves. */
const USUAL_PORT = 9229;
const LOOPBACK = '127.0.0.1';

export interface LocalEndpoint {
  port: number;
  /** Of its only target. */
  webSocketUrl: string;
  close(): void;
}

export interface LocalEndpointOptions {
  port: number | undefined;
  maps: ScriptSourceMaps;
  onProblem: (error: unknown) => void;
  /** Whether a connection is by this user: told for tests. */
  isMine?: (socket: Socket) => Promise<boolean>;
}

/** `port`: undefined for the usual one, or any other if that is taken. Throws UserError when it is taken. */
export async function openLocalEndpoint(
  inspector: OpenInspector,
  { port, maps, onProblem, isMine = ownsConnection }: LocalEndpointOptions,
): Promise<LocalEndpoint> {
  const discover = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (await isMine(request.socket)) answer(inspector, request, response);
    else response.writeHead(403).end('This is for another user of this computer.\n');
  };
  const server = http.createServer((request, response) => void discover(request, response));
  const sockets = new Set<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const joining = isMine(request.socket).then((mine) => {
      if (mine) return join(inspector, { request, socket, head }, maps);
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return undefined;
    });
    joining.catch((error: unknown) => {
      socket.destroy();
      onProblem(error);
    });
  });
  await listen(server, port);
  const actual = (server.address() as AddressInfo).port;
  return {
    port: actual,
    webSocketUrl: `ws://${LOOPBACK}:${actual}/${inspector.target}`,
    close: () => {
      server.close();
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listen(server: Server, port: number | undefined): Promise<void> {
  try {
    await listenOn(server, port ?? USUAL_PORT);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw cause;
    if (port === undefined) return listenOn(server, 0);
    const problem = code === 'EACCES' ? 'it takes more rights than you have' : 'something listens there';
    throw new UserError(`Cannot listen on port ${port} of this computer: ${problem}`, {
      hint: 'Give another one with --port, or leave it out.',
      cause,
    });
  }
}

function listenOn(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: LOOPBACK, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function answer(inspector: OpenInspector, request: IncomingMessage, response: ServerResponse): void {
  const { host = '' } = request.headers;
  // A page of the web that has made a name of its own lead here must not learn the target.
  const isLocal = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(host);
  const value = isLocal ? discovery(inspector, request.url ?? '', host) : undefined;
  response.writeHead(value === undefined ? 404 : 200, { 'Content-Type': 'application/json; charset=UTF-8' });
  response.end(value === undefined ? '' : `${JSON.stringify(value, null, 2)}\n`);
}

function discovery({ app, target }: OpenInspector, url: string, host: string): unknown {
  switch (url.replace(/\/$/, '')) {
    case '/json':
    case '/json/list':
      return [
        {
          description: `app ${app}, by tsk inspect`,
          devtoolsFrontendUrl: devToolsUrl(`${host}/${target}`),
          id: target,
          title: app,
          type: 'node',
          url: 'file://',
          webSocketDebuggerUrl: `ws://${host}/${target}`,
        },
      ];
    case '/json/version':
      return { Browser: 'node.js', 'Protocol-Version': '1.1' };
    default:
      return undefined;
  }
}

/** `place`: HOST:PORT/TARGET. */
export function devToolsUrl(place: string): string {
  return `devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws=${place}`;
}

/** The request goes on as it came: the inspector answers it. */
async function join(
  inspector: OpenInspector,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
  maps: ScriptSourceMaps,
): Promise<void> {
  const tunnel: Socket = await inspector.connect();
  tunnel.on('error', () => tunnel.destroy());
  tunnel.once('close', () => socket.destroy());
  socket.once('close', () => tunnel.destroy());
  const headers: string[] = [];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2)
    headers.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
  tunnel.write(`${[`GET ${request.url} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n`);
  if (head.length > 0) tunnel.write(head);
  socket.pipe(tunnel);
  const stream = new MappedStream(maps);
  try {
    await pipeline(tunnel, (pieces: AsyncIterable<Buffer>) => mapAll(pieces, stream), socket);
  } catch (error) {
    // Either end may go as it likes.
    if (error instanceof SyntaxError) throw error;
  }
}

async function* mapAll(pieces: AsyncIterable<Buffer>, stream: MappedStream): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield* stream.take(piece);
}
