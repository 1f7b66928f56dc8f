// A refusal that the client is told about: handlers throw it, server.ts turns it into an answer.

import { statusOf, type RefusalCode } from '../../shared/api/refusals.ts';

export interface HttpErrorOptions {
  headers?: Readonly<Record<string, string>>;
  /** Beside `error` in the answer's JSON, for programs. */
  details?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

export class HttpError extends Error {
  override name = 'HttpError';
  readonly code: RefusalCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: RefusalCode, message: string, options: HttpErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.headers = options.headers ?? {};
    this.details = options.details ?? {};
  }

  get status(): number {
    return statusOf(this.code);
  }
}

/** What `read` makes of something that came over the network. Throws HttpError 400 where it throws a SyntaxError. */
export function understand<Given, Read>(read: (given: Given) => Read, given: Given): Read {
  try {
    return read(given);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new HttpError('malformed', cause.message, { cause });
  }
}
