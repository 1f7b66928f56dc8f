// Debugging an app of a running device: what a client and a device say to each other (docs/debugging.md). Types and paths; no
// I/O. Access and refusals are those of web-api.ts and refusals.ts.
//
//   POST /api/v1/inspect              change -> one InspectEvent a line (NDJSON), the first one `open`, the last one `closed`.
//                                     Body: Permit for `inspect` (permit/permit.ts), its request an InspectRequest. The inspector of the app is
//                                     open for as long as this answer is.
//   GET  /api/v1/inspect/ID/tunnel    change, with `Upgrade: tskrazy-tunnel` -> 101, and then the bytes of a connection to that
//                                     inspector. ID: that of `open`.
//   GET  /api/v1/reports/APP          read   -> CrashReport[], newest first
//   GET  /api/v1/reports/APP/NAME     read   -> the report as Node.js wrote it
//
// The same between web and init, over init's socket:
//   POST /v1/inspect/APP              -> one InspectEvent a line. Body: { who }. The inspector is closed when this answer is.

import { APP_NAME } from '../app-name.ts';
import { PERMIT_CLIENT } from '../permit/permit-api.ts';
import { parseUntrustedJson } from '../untrusted-json.ts';

export const DEBUG_API = {
  inspect: '/api/v1/inspect',
  tunnel: (id: string) => `/api/v1/inspect/${encodeURIComponent(id)}/tunnel`,
  reports: (app: string) => `/api/v1/reports/${encodeURIComponent(app)}`,
  report: (app: string, name: string) =>
    `/api/v1/reports/${encodeURIComponent(app)}/${encodeURIComponent(name)}`,
} as const;

/** What a permit for `inspect` asks for. */
export interface InspectRequest {
  app: string;
  /** For people: who it is that debugs. */
  client: string;
}

/** Where the inspector of a Node.js process listens. */
export interface InspectorEndpoint {
  pid: number;
  /** On the loopback interface of its network. */
  port: number;
  /** Path of its only target. Whoever does not know it cannot get in. */
  target: string;
}

export type InspectEvent =
  | { event: 'open'; id: string; app: string; endpoint: InspectorEndpoint }
  /** Now and then, so that silence means that somebody has gone. */
  | { event: 'alive' }
  | { event: 'closed'; reason: string };

/** What Node.js left when an app crashed. */
export interface CrashReport {
  name: string;
  /** Unix time in ms when it was written. */
  atMs: number;
  sizeBytes: number;
}

/** Time from one `alive` to the next. */
export const ALIVE_EVERY_MS = 5_000;
/** The longest that one who debugs may stay. */
export const INSPECT_LIFETIME_MS = 24 * 60 * 60 * 1000;

const MAX_REQUEST_BYTES = 1024;

/** Throws SyntaxError. */
export function parseInspectRequest(text: string): InspectRequest {
  const bytes = new TextEncoder().encode(text);
  const root = parseUntrustedJson(bytes, { name: 'the request', maxBytes: MAX_REQUEST_BYTES });
  return { app: root.field('app').text(APP_NAME), client: root.field('client').text(PERMIT_CLIENT) };
}

const TARGET = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** How Node.js says on its standard error where its inspector listens. */
export const LISTENING_LINE = new RegExp(
  `Debugger listening on ws://127\\.0\\.0\\.1:(\\d{1,5})/(${TARGET})(?![0-9a-f-])`,
  'g',
);
/** No line of that kind is longer. */
export const LISTENING_LINE_BYTES = 128;
