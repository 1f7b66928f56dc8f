// The inspector is not there any more. The device knows why, and says so in a moment (OpenInspector.ended).

import { UserError } from '../user-error.ts';

export class AppGoneError extends UserError {
  override name = 'AppGoneError';

  constructor(cause?: unknown) {
    super('The connection to the app is closed', { cause });
  }
}
