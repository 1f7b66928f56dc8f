// What the build time of an image says of the time: no device starts with an earlier one, and few answers of time servers
// that are earlier are believed. So it matters that it is right, and it need not be: a clock may have been wrong, and
// SOURCE_DATE_EPOCH is 0 or 1980 where all that was wanted is the same bytes.

/** An image that says that it is older does not know when it was built. */
export const EARLIEST_TIME_MS = Date.UTC(2020, 0, 1);
/** No device has one image for so long. */
const LIFETIME_MS = 50 * 365 * 24 * 3600 * 1000;

/** Outside of these no clock is right, whoever says so. */
export interface TimeLimits {
  floorMs: number;
  ceilingMs: number;
}

export function timeLimitsOf(buildTimeSec: number): TimeLimits {
  const floorMs = Math.max(buildTimeSec * 1000, EARLIEST_TIME_MS);
  return { floorMs, ceilingMs: floorMs + LIFETIME_MS };
}
