// Asks init (shared/api/init-api.ts) over its Unix socket. Refusals come out as HttpError with init's code, so that a
// handler can let them pass to the client; an init that does not answer is one of its own.

import http from 'node:http';

import type { ApiError } from '../../shared/api/init-api.ts';
import type { RefusalCode } from '../../shared/api/refusals.ts';
import { ACT_LIMIT_MS } from '../../shared/services/services.ts';
import { HttpError } from './http-error.ts';

const READ_TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Faults of ours and of init's: to our client they are one. */
const FAULTS = new Set<RefusalCode>(['wrong-method', 'failed']);

export class InitClient {
  readonly #socketPath: string;
  /** One connection a request: a kept one may be closed by init just when it is used again. */
  readonly #agent = new http.Agent();

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** The types are init's word: both ends are of the same image. */
  async get<T>(path: string): Promise<T> {
    return parseAnswer(await readAll(await this.#request('GET', path, READ_TIMEOUT_MS)), path) as T;
  }

  /** `undefined` when init has nothing to say but that it is done (204). */
  async post<T>(path: string, body?: object): Promise<T> {
    const answer = await this.#request('POST', path, ACT_LIMIT_MS, body);
    const text = await readAll(answer);
    return (answer.statusCode === 204 ? undefined : parseAnswer(text, path)) as T;
  }

  /** An answer that may go on; the caller reads or destroys it. With a `body` it is asked for by POST. */
  async stream(
    path: string,
    { body, timeoutMs = READ_TIMEOUT_MS }: { body?: object; timeoutMs?: number } = {},
  ): Promise<http.IncomingMessage> {
    const answer = await this.#request(body === undefined ? 'GET' : 'POST', path, timeoutMs, body);
    // Silence is nothing unusual from here on.
    answer.socket.setTimeout(0);
    answer.setEncoding('utf8');
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #request(
    method: string,
    path: string,
    timeoutMs: number,
    body?: object,
  ): Promise<http.IncomingMessage> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = http.request({
        socketPath: this.#socketPath,
        agent: this.#agent,
        method,
        path,
        timeout: timeoutMs,
        headers: {
          Host: 'init',
          ...(text === ''
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) }),
        },
      });
      request.once('timeout', () => {
        request.destroy(new HttpError('init-slow', `init did not answer within ${timeoutMs / 1000} s`));
      });
      request.once('response', resolve);
      request.once('error', (cause) => {
        reject(
          cause instanceof HttpError ? cause : new HttpError('init-away', 'init does not answer', { cause }),
        );
      });
      request.end(text);
    });
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const { error, code, ...details } = parseRefusal(await readAll(answer));
    throw new HttpError(FAULTS.has(code) ? 'init-failed' : code, error, { details });
  }
}

async function readAll(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) throw new RangeError(`more than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new HttpError('init-away', "init's answer cannot be read", { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseAnswer(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HttpError('init-failed', `init answers "${path}" with something that is no JSON`, { cause });
  }
}

function parseRefusal(text: string): ApiError {
  try {
    return JSON.parse(text) as ApiError;
  } catch {
    return { error: 'init refuses this and does not say why', code: 'failed' };
  }
}
