// A connection to a device, and requests over it. With TLS nothing is sent before the other side has proved that it has
// a key that the instance's authority vouches for. Names and dates do not matter to that: whoever built the device knows
// it wherever it is, and however long it was in a drawer.

import type { X509Certificate } from 'node:crypto';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tls from 'node:tls';
import { callbackify } from 'node:util';
import { IDENTITY_SERVER_NAME } from '../../shared/services/device-tls.ts';
import { http } from '../http.ts';
import type { DeviceAddress } from './device-address.ts';
import { SilenceError } from './patience.ts';

export interface DeviceRequest {
  address: DeviceAddress;
  /** Certificates of the authorities of which one has to vouch for the device. */
  authorities: readonly X509Certificate[];
  path: string;
  method: string;
  headers: Readonly<Record<string, string>>;
  body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
  /** For the connection alone. */
  connectMs: number;
  /** Time without a byte from the device, or to it. */
  answerMs: number;
  signal: AbortSignal;
  /** For requests that may be sent twice: a kept connection may be gone without a word. undefined: one of its own. */
  kept?: KeptConnections | undefined;
}

/** What an agent passes on to those that make connections. */
interface AgentOptions extends RequestOptions {
  plan?: ConnectionOptions;
}

/** There is no connection. */
class TimeoutError extends Error {
  readonly code = 'ETIMEDOUT';
}

/** Somebody answers, who does not prove to be the device. */
export class UnprovenError extends Error {
  /** What answers. */
  readonly what: 'no TLS' | 'another certificate';

  constructor(what: UnprovenError['what'], detail: string, cause?: unknown) {
    super(detail, { cause });
    this.what = what;
  }
}

/** Something answers that is no HTTP as devices speak it. */
export class NonsenseError extends Error {}

type ConnectionOptions = Omit<DeviceRequest, 'path' | 'method' | 'headers' | 'body' | 'kept'>;

const MAX_IDLE_CONNECTIONS = 2;

/** Connections that are used again, as each costs the device a handshake. Idle ones keep no program running. */
export class KeptConnections extends http.Agent {
  constructor() {
    super({ keepAlive: true, maxFreeSockets: MAX_IDLE_CONNECTIONS });
  }

  override createConnection(
    { plan }: AgentOptions,
    done?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    if (plan === undefined || done === undefined) throw new Error('Nobody says how to connect');
    callbackify(openConnection)(plan, done);
  }
}

export async function sendRequest(plan: DeviceRequest): Promise<IncomingMessage> {
  const { kept, signal } = plan;
  if (kept === undefined) {
    const socket = await openConnection(plan);
    return ask({ createConnection: () => socket }, plan).answer;
  }
  for (;;) {
    const { request, answer } = ask({ agent: kept, plan }, plan);
    try {
      return await answer;
    } catch (error) {
      signal.throwIfAborted();
      // The device may have closed it, or have restarted since.
      if (!request.reusedSocket) throw error;
    }
  }
}

/** Resolves when the device has proved its key. */
export async function openConnection(options: ConnectionOptions): Promise<net.Socket> {
  const { address, connectMs, answerMs, signal } = options;
  signal.throwIfAborted();
  const socket = net.connect({ host: address.host, port: address.port });
  const abort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await settled(socket, 'connect', connectMs, () => new TimeoutError());
    return address.tls ? await proveKey(socket, options, answerMs) : socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function proveKey(
  raw: net.Socket,
  { authorities }: ConnectionOptions,
  limitMs: number,
): Promise<tls.TLSSocket> {
  // Node's own check is of names, dates and the roots of the web; the one below is of the key, and stands in for it. That
  // the other side has the key of the certificate that it shows is a part of the handshake.
  const socket = tls.connect({
    socket: raw,
    servername: IDENTITY_SERVER_NAME,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: false,
  });
  try {
    await settled(socket, 'secureConnect', limitMs, () => new SilenceError());
  } catch (error) {
    socket.destroy();
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) throw new UnprovenError('no TLS', '', error);
    throw error;
  }
  const certificate = socket.getPeerX509Certificate();
  const isProved = authorities.some((authority) => certificate?.verify(authority.publicKey) === true);
  if (isProved) return socket;
  socket.destroy();
  throw new UnprovenError('another certificate', `SHA-256 ${certificate?.fingerprint256 ?? 'unknown'}`);
}

/** Rejects with the socket's own error, or after the time with that of `late`. */
function settled(
  socket: net.Socket,
  event: 'connect' | 'secureConnect',
  limitMs: number,
  late: () => Error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(late()), limitMs);
    const end = (): void => {
      clearTimeout(timer);
      socket.off('error', fail).off('close', fail);
    };
    const fail = (error?: unknown): void => {
      end();
      // A socket that another one wraps tells nothing but its end.
      socket.on('error', () => undefined);
      reject(error instanceof Error ? error : closedError());
    };
    socket.once('error', fail).once('close', fail);
    socket.once(event, () => {
      end();
      resolve();
    });
  });
}

function closedError(): Error {
  return Object.assign(new Error('The connection was closed'), { code: 'ECONNRESET' });
}

type Way = Pick<AgentOptions, 'agent' | 'createConnection' | 'plan'>;

function ask(way: Way, plan: DeviceRequest): { request: ClientRequest; answer: Promise<IncomingMessage> } {
  const { address, path, method, headers, body, connectMs, answerMs, signal } = plan;
  const { host, port } = address;
  const request = http.request({ ...way, host, port, path, method, headers, signal });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  let answer: IncomingMessage | undefined;
  // A device may fall silent before its answer, and in the middle of it. A connection that was kept has to be there at once.
  const isKept = (): boolean => answer === undefined && request.reusedSocket;
  request.once('socket', () => request.setTimeout(isKept() ? Math.min(connectMs, answerMs) : answerMs));
  request.on('timeout', () => (answer ?? request).destroy(new SilenceError()));
  request.once('response', (response) => {
    answer = response;
    request.setTimeout(answerMs);
    resolve(response);
  });
  request.once('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
  // Nobody asked for another protocol. Without this the end of the request would be told to nobody.
  request.once('upgrade', (_, upgraded) => {
    upgraded.destroy();
    reject(new NonsenseError('Another protocol'));
  });
  if (body === undefined) request.end();
  // What goes wrong comes as the request's own error; an answer may come before all is sent.
  else pipeline(body, request).catch(() => undefined);
  return { request, answer: promise };
}
