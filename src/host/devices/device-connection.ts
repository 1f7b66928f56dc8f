// A connection to a device, and a request over it. With TLS nothing is sent before the other side has proved that it has
// a key that the instance's authority vouches for. Names and dates do not matter to that: whoever built the device knows
// it wherever it is, and however long it was in a drawer.

import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import net from 'node:net';
import { pipeline } from 'node:stream/promises';
import tls from 'node:tls';
import { IDENTITY_SERVER_NAME } from '../../shared/api/device-tls.ts';
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

type ConnectionOptions = Omit<DeviceRequest, 'path' | 'method' | 'headers' | 'body'>;

export async function sendRequest(plan: DeviceRequest): Promise<IncomingMessage> {
  const socket = await openConnection(plan);
  return ask(socket, plan);
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

function ask(socket: net.Socket, plan: DeviceRequest): Promise<IncomingMessage> {
  const { path, method, headers, body, answerMs, signal } = plan;
  return new Promise((resolve, reject) => {
    const request = http.request({
      createConnection: () => socket,
      host: plan.address.host,
      port: plan.address.port,
      path,
      method,
      headers,
      signal,
    });
    let answer: IncomingMessage | undefined;
    // It may fall silent before its answer, and in the middle of it.
    socket.setTimeout(answerMs, () => (answer ?? request).destroy(new SilenceError()));
    request.once('response', (response) => {
      answer = response;
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
  });
}
