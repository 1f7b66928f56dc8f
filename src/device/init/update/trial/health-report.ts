// What looking at a device on trial finds (../trial-health.ts), as the machine takes it. Types; no I/O.

/** Why a trial has failed. */
export interface Fault {
  /** One sentence: `app sensor exited with code 1 three times in 30 s`. */
  reason: string;
  /** Whose last lines tell more: a service, or init. */
  of: string;
}

export interface HealthReport {
  /** What is not (yet) as it should be, a sentence each; none: healthy. */
  waitsFor: readonly string[];
  /** What is not well, was not well before, and is as it was: it does not decide. */
  excused: readonly string[];
  /** Whose log tells most of that. */
  of: string;
  /** There is no point in waiting any longer. */
  fault: Fault | null;
}
