import type { HelpTopic } from './help-topics.ts';

/**
 * A failure that the user can mend: printed as a sentence (and its hint) without a stack, exit code 1.
 * Message: act, object in quotes, colon, current state. Hint: what to do, an imperative sentence.
 */
export class UserError extends Error {
  override name = 'UserError';
  readonly hint: string | undefined;
  /** Where docs/troubleshooting.md says more. */
  readonly topic: HelpTopic | undefined;

  constructor(message: string, options: { hint?: string; topic?: HelpTopic; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.topic = options.topic;
  }
}
