// Time that only goes forward: the clock jumps when NTP sets it.

/** Milliseconds of an arbitrary start. Not `performance.now()`, whose modules cost 1 MB on their first use. */
export function monotonicMs(): number {
  return process.uptime() * 1000;
}
