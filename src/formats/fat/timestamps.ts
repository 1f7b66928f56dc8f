// FAT timestamps. The format has local time without a zone; we read and write UTC, so that an image does not
// depend on where it was built. What lies outside 1980 to 2107 becomes the nearest time that exists.

const FIRST_SEC = Date.UTC(1980, 0, 1) / 1000;
const LAST_SEC = Date.UTC(2107, 11, 31, 23, 59, 59) / 1000;

export interface FatTime {
  /** Bits 15-9 year - 1980, 8-5 month, 4-0 day. */
  date: number;
  /** Bits 15-11 hour, 10-5 minute, 4-0 second / 2. */
  time: number;
  /** Hundredths of a second on top of `time`, 0 to 199. Only creation times have it. */
  hundredths: number;
}

export function encodeFatTime(timestampSec: number): FatTime {
  const seconds = Math.min(Math.max(Math.floor(timestampSec), FIRST_SEC), LAST_SEC);
  const moment = new Date(seconds * 1000);
  return {
    date: ((moment.getUTCFullYear() - 1980) << 9) | ((moment.getUTCMonth() + 1) << 5) | moment.getUTCDate(),
    time: (moment.getUTCHours() << 11) | (moment.getUTCMinutes() << 5) | (moment.getUTCSeconds() >> 1),
    hundredths: (moment.getUTCSeconds() % 2) * 100,
  };
}

/** Seconds since 1970. Fields out of range, as in damaged or zero entries, carry over like a calendar's. */
export function decodeFatTime(date: number, time: number): number {
  return (
    Date.UTC(
      1980 + (date >> 9),
      ((date >> 5) & 15) - 1,
      date & 31,
      time >> 11,
      (time >> 5) & 63,
      (time & 31) * 2,
    ) / 1000
  );
}
