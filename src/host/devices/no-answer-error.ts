// Nobody answers, or not yet: a device that is starting or away. A matter of time, maybe.

import { UserError } from '../user-error.ts';

export class NoAnswerError extends UserError {
  override name = 'NoAnswerError';
}
