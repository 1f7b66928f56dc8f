// The device understood what was asked, and said no.

import type { RefusalCode } from '../../shared/api/refusals.ts';
import { UserError } from '../user-error.ts';
import type { ReceivedRefusal, RefusalBody } from './read-refusal.ts';

export class RefusalError extends UserError {
  override name = 'RefusalError';
  readonly statusCode: number;
  /** undefined: the device has a reason that this client does not know. The status has to do. */
  readonly code: RefusalCode | undefined;
  readonly body: RefusalBody;

  constructor(message: string, { statusCode, code, body }: Omit<ReceivedRefusal, 'message'>) {
    super(message, code === 'wrong-host' ? { topic: 'wrong-host' } : {});
    this.statusCode = statusCode;
    this.code = code;
    this.body = body;
  }
}

/** A device that does not know what was asked for at all: it was built by an older tsk. */
export class TooOldError extends UserError {
  override name = 'TooOldError';
}
