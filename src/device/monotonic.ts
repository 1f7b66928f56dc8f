// Time that only goes forward. The clock jumps when NTP sets it, by years maybe: whatever lasts is measured here, and
// becomes a time of day only when somebody is told.

/** Milliseconds of an arbitrary start. Not `performance.now()`, whose modules are loaded when it is first used. */
export function monotonicMs(): number {
  return process.uptime() * 1000;
}

/** Unix time in ms of a moment that `monotonicMs` named, by the clock as it is now. */
export function clockTimeOf(momentMs: number): number {
  return Math.round(Date.now() - (monotonicMs() - momentMs));
}
