// How a device refuses something, as far as its client decides by it: a code of shared/api/refusals.ts. A code that is
// newer than this client counts as none, and the HTTP status decides. Devices of 0.1 name no codes; what they mean is
// told from the rest of their answer, and never from its sentence.

import type http from 'node:http';
import { isRefusalCode, type RefusalCode, type WebError } from '../../shared/api/refusals.ts';
import { WEB_API } from '../../shared/api/web-api.ts';
import { UPDATE_API, type UpdateBusy, type UpdateRefused } from '../../shared/update/update-api.ts';
import { parseDeviceJson } from './device-json.ts';

export interface ReceivedRefusal {
  statusCode: number;
  code: RefusalCode | undefined;
  /** The device's sentence for people. */
  message: string;
  body: RefusalBody;
}

/** What may stand beside the sentence, as each code says. */
export type RefusalBody = Partial<WebError & UpdateBusy & UpdateRefused & { hostname: string }>;

/** Reads the answer to a request for `path`. undefined: not an answer of our API. */
export function readRefusal(
  path: string,
  answer: http.IncomingMessage,
  text: string,
): ReceivedRefusal | undefined {
  const { statusCode = 0, headers } = answer;
  const body = parseBody(text);
  const error = body?.error as Partial<WebError['error']> | undefined;
  if (body === undefined || typeof error?.message !== 'string') return undefined;
  const refusal = { statusCode, message: error.message, body };
  if (typeof error.code === 'string')
    return { ...refusal, code: isRefusalCode(error.code) ? error.code : undefined };
  // A router may answer so, too.
  if (statusCode === 401 && !/realm="tskrazy"/.test(headers['www-authenticate'] ?? '')) return undefined;
  return { ...refusal, code: codeOfOldDevice(path, statusCode, body) };
}

function parseBody(text: string): RefusalBody | undefined {
  try {
    const body = parseDeviceJson(text);
    return typeof body === 'object' && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
}

/** These addresses hold no name of anything that could be missing. */
const FIXED_PATHS: ReadonlySet<unknown> = new Set([...Object.values(WEB_API), ...Object.values(UPDATE_API)]);

function codeOfOldDevice(path: string, statusCode: number, body: RefusalBody): RefusalCode | undefined {
  if (statusCode === 401) return 'wrong-password';
  if (statusCode === 404 && FIXED_PATHS.has(path)) return 'no-such-address';
  const { reason, restartFirst, session } = body;
  const imageCode = `image-${reason}`;
  if (reason !== undefined && isRefusalCode(imageCode)) return imageCode;
  if (restartFirst === true) return 'restart-first';
  return session === undefined ? undefined : 'update-busy';
}
