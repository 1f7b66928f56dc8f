// Why a trial has failed.

export interface Fault {
  /** One sentence: `app sensor exited with code 1 three times in 30 s`. */
  reason: string;
  /** Whose last lines tell more: a service, or init. */
  of: string;
}
