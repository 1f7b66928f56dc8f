// Ways in which an update is not taken. Whoever speaks to the client turns them into answers.

import type { RefusalCode } from '../../shared/api/refusals.ts';
import type { RefusalReason, SessionView } from '../../shared/update/update-api.ts';

/** The image is at fault: nothing was written, and asking again changes nothing. */
export class ImageRefusal extends Error {
  override name = 'ImageRefusal';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export type ConflictCode = Extract<
  RefusalCode,
  | 'update-busy'
  | 'wrong-step'
  | 'nothing-to-do'
  | 'still-starting'
  | 'restart-first'
  | 'cannot-try'
  | 'slot-unusable'
  | 'trial-going-on'
>;

/** The device is not in a state for it, or somebody else is at it. */
export class UpdateConflict extends Error {
  override name = 'UpdateConflict';
  readonly code: ConflictCode;
  /** The session of whoever is at it. */
  readonly session: SessionView | undefined;

  constructor(code: ConflictCode, message: string, options: { session?: SessionView } = {}) {
    super(message);
    this.code = code;
    this.session = options.session;
  }
}

/** The session that a request belongs to is over. */
export class SessionEnded extends Error {
  override name = 'SessionEnded';
}

/** What a client sent is malformed; it may send it again. */
export class BadStream extends Error {
  override name = 'BadStream';
}

/** The device cannot go on, for a reason of its own: its disk, say. */
export class UpdateFailure extends Error {
  override name = 'UpdateFailure';

  constructor(cause: Error) {
    super(`The update failed: ${cause.message}`, { cause });
  }
}
