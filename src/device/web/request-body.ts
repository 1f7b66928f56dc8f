// Reads the bodies of requests, as they come and never faster than they are used. A client may be as slow as its
// link is, but one that only holds a connection is cut off.

import type http from 'node:http';

import { parseUntrustedJson, type UntrustedValue } from '../../shared/untrusted-json.ts';
import { HttpError, understand } from './http-error.ts';
import { monotonicMs } from '../monotonic.ts';

/** Size of a body, unless its route takes more. */
export const MAX_BODY_BYTES = 8 * 1024;

/** A client has to send `leastBytes`, or the end, in each `windowMs` that we wait for it. Our own time does not count. */
export interface BodyPace {
  windowMs: number;
  leastBytes: number;
}

/** Throws HttpError 413 when the client announces more than the route takes. */
export function checkBodyLength(request: http.IncomingMessage, maxBytes: number): void {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

/** The bytes of a JSON body; whoever reads them knows what should be in it. Throws HttpError 408, 413 or 415. */
export async function readJson(
  request: http.IncomingMessage,
  pace: BodyPace,
  maxBytes = MAX_BODY_BYTES,
): Promise<Buffer> {
  checkIsJson(request);
  if (contentEncoding(request) !== 'identity')
    throw new HttpError('wrong-type', 'This body must not be compressed', {
      headers: { 'Accept-Encoding': 'identity' },
    });
  return collect(receiveBody(request, pace), maxBytes);
}

/** What `read` makes of a small JSON body. Throws as `readJson` does, and HttpError 400 where `read` throws a SyntaxError. */
export async function readFields<T>(
  request: http.IncomingMessage,
  pace: BodyPace,
  read: (body: UntrustedValue) => T,
): Promise<T> {
  const limits = { name: 'the request', maxBytes: MAX_BODY_BYTES };
  return understand((bytes) => read(parseUntrustedJson(bytes, limits)), await readJson(request, pace));
}

export function checkIsJson(request: http.IncomingMessage): void {
  if (contentType(request) !== 'application/json') throw new HttpError('wrong-type', 'The body must be JSON');
}

export function contentEncoding(request: http.IncomingMessage): string {
  return (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
}

function contentType(request: http.IncomingMessage): string | undefined {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
}

/** All of it in memory. Throws HttpError 413. */
export async function collect(pieces: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const all: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    all.push(piece);
  }
  return Buffer.concat(all);
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError('too-large', `The body is larger than ${maxBytes} bytes`);
}

/**
 * Not the stream's own iterator: leaving that early destroys the socket, and the refusal with it. Throws HttpError 408
 * when the client is too slow, 400 when it has gone, and the reason of `signal`.
 */
export async function* receiveBody(
  request: http.IncomingMessage,
  pace: BodyPace,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  let waitedMs = 0;
  let bytes = 0;
  for (;;) {
    const fromMs = monotonicMs();
    const piece = await nextPiece(request, pace.windowMs - waitedMs, signal);
    if (piece === null) return;
    waitedMs += monotonicMs() - fromMs;
    bytes += piece.length;
    if (bytes >= pace.leastBytes) waitedMs = bytes = 0;
    yield piece;
  }
}

/** null: the end. */
function nextPiece(
  request: http.IncomingMessage,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      request.off('readable', look).off('end', look).off('close', look);
      signal?.removeEventListener('abort', look);
    };
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const look = () => {
      if (signal?.aborted) return fail(signal.reason);
      const piece = request.read() as Buffer | null;
      if (piece === null && !request.readableEnded) {
        if (request.destroyed)
          fail(new HttpError('malformed', 'The connection was closed before the body had ended'));
        return;
      }
      settle();
      resolve(piece);
    };
    const timer = setTimeout(() => {
      fail(new HttpError('too-slow', 'The body comes too slowly'));
    }, timeoutMs);
    request.on('readable', look).on('end', look).on('close', look);
    signal?.addEventListener('abort', look);
    look();
  });
}
