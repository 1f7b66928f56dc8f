// Ways to answer a request: headers that every answer carries, JSON, text, pages, redirects.

import type http from 'node:http';

import type { WebError } from '../../shared/api/refusals.ts';
import type { HttpError } from './http-error.ts';

/** `same-origin` and not `no-referrer`: under the latter some requests of our own page have `Origin: null`, which is refused. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
};

export function setCommonHeaders(response: http.ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  // What the page shows is the state of a device, and never anybody else's business.
  response.setHeader('Cache-Control', 'no-store');
}

export function sendText(
  response: http.ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': String(Buffer.byteLength(text)),
  });
  response.end(text);
}

export function sendJson(response: http.ServerResponse, status: number, value: unknown): void {
  sendText(response, status, `${JSON.stringify(value)}\n`, 'application/json; charset=utf-8');
}

export function sendJsonError(
  response: http.ServerResponse,
  { status, code, message, details }: Pick<HttpError, 'status' | 'code' | 'message' | 'details'>,
): void {
  sendJson(response, status, { error: { code, message }, ...details } satisfies WebError);
}
