// Reads the few small bodies that this server takes; all others are refused unread.

import type http from 'node:http';

import { HttpError } from './http-error.ts';

const MAX_BODY_BYTES = 8 * 1024;

/** Throws HttpError 413 when the client announces more than anyone here reads. */
export function checkBodyLength(request: http.IncomingMessage): void {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
}

/** Throws HttpError 413 or 415. */
export async function readForm(request: http.IncomingMessage): Promise<URLSearchParams> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') throw new HttpError(415, 'The body must be a form');
  return new URLSearchParams(await readBody(request));
}

/** Not `for await`: leaving it early destroys the socket, and the refusal with it. */
function readBody(request: http.IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) reject(tooLarge());
      else chunks.push(chunk);
    });
    request.once('end', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    request.once('error', reject);
  });
}

function tooLarge(): HttpError {
  return new HttpError(413, `The body is larger than ${MAX_BODY_BYTES} bytes`);
}
