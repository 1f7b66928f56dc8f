// What the supervision of a trial knows of time. Not the wall clock: that jumps when the network tells the time.

import { monotonicMs } from '../../monotonic.ts';
export interface TrialClock {
  /** Milliseconds from some moment on. */
  now(): number;
  /** Calls `act` again and again until the returned function is called. */
  every(ms: number, act: () => void): () => void;
}

export const steadyClock: TrialClock = {
  now: monotonicMs,
  every: (ms, act) => {
    const timer = setInterval(act, ms).unref();
    return () => clearInterval(timer);
  },
};
