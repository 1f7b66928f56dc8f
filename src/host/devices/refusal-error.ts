// The device understood what was asked, and said no.

import { UserError } from '../user-error.ts';

export class RefusalError extends UserError {
  override name = 'RefusalError';
  readonly statusCode: number;
  /** What it answered: an object with at least `error.message`. */
  readonly body: unknown;

  constructor(message: string, options: { statusCode: number; body: unknown; hint?: string }) {
    super(message, options.hint === undefined ? {} : { hint: options.hint });
    this.statusCode = options.statusCode;
    this.body = options.body;
  }
}

/** It does not know what was asked for at all: it was built by an older tsk. */
export class TooOldError extends UserError {
  override name = 'TooOldError';
}
