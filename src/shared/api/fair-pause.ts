// How long to leave a device alone between two questions of somebody who waits for it: an answer costs a small or an
// emulated one much of its only processor, which the watch must not take from what it is watching.

/** The pause is so many times as long as the answer took. */
const PAUSE_SHARE = 19;

export function fairPauseMs(answerTookMs: number, leastMs: number, mostMs: number): number {
  return Math.min(Math.max(PAUSE_SHARE * answerTookMs, leastMs), mostMs);
}
