// The system clock, as adjtimex(2) steps and slews it, and the clock that runs on a battery. All in UTC.

import { closeSync, openSync } from 'node:fs';
import { bindLibc } from './libc.ts';

export interface SlewRequest {
  offsetMs: number;
  /** Exponent of the questions' interval: seconds as a power of two. */
  pollExponent: number;
  /** How far the result may be off. */
  maxErrorMs: number;
  leap: 'none' | 'insert' | 'delete';
}

/** What sets the time; the tests have one that only imagines it. */
export interface Clock {
  /** Unix time, finer than Date.now(). */
  nowMs(): number;
  step(deltaMs: number): void;
  /** Makes the clock run faster or slower until the offset is gone, and learns how fast the crystal is. */
  slew(request: SlewRequest): void;
  /** Copies the time to the hardware's clock. False when the device has none. */
  saveToHardware(): boolean;
}

const CLOCK_REALTIME = 0;
/** linux/timex.h */
const ADJ = { offset: 0x1, maxError: 0x4, estError: 0x8, status: 0x10, timeConstant: 0x20, setOffset: 0x100 };
const ADJ_NANO = 0x2000;
const STATUS_PLL = 0x1;
const STATUS_LEAP = { none: 0, insert: 0x10, delete: 0x20 } as const;
const TIMEX_BYTES = 208;
/** linux/rtc.h: _IOW('p', 0x0a, struct rtc_time) */
const RTC_SET_TIME = 0x4024700a;
const HARDWARE_CLOCK = '/dev/rtc0';

const libc = {
  clockGettime: bindLibc('clock_gettime', ['int32', 'buffer']),
  adjtimex: bindLibc('adjtimex', ['buffer']),
  ioctl: bindLibc('ioctl', ['int32', 'uint64', 'buffer']),
};

export class SystemClock implements Clock {
  nowMs(): number {
    const timespec = new Uint8Array(16);
    libc.clockGettime(CLOCK_REALTIME, timespec);
    const view = new DataView(timespec.buffer);
    return Number(view.getBigInt64(0, true)) * 1000 + Number(view.getBigInt64(8, true)) / 1e6;
  }

  step(deltaMs: number): void {
    libc.adjtimex(encodeStep(deltaMs));
  }

  slew(request: SlewRequest): void {
    libc.adjtimex(encodeSlew(request));
  }

  saveToHardware(): boolean {
    let fd: number;
    try {
      fd = openSync(HARDWARE_CLOCK, 'r');
    } catch (error) {
      if (['ENOENT', 'ENODEV', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
    try {
      libc.ioctl(fd, BigInt(RTC_SET_TIME), encodeRtcTime(new Date(Math.round(this.nowMs()))));
    } finally {
      closeSync(fd);
    }
    return true;
  }
}

/** Runs beside the system's clock, which it leaves alone: for a `net` that is tried on somebody's computer. */
export class ImaginedClock implements Clock {
  #aheadMs = 0;

  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  step(deltaMs: number): void {
    this.#aheadMs += deltaMs;
  }

  slew({ offsetMs }: SlewRequest): void {
    this.#aheadMs += offsetMs;
  }

  saveToHardware(): boolean {
    return false;
  }
}

/** struct timex of 64-bit machines: relative to the clock, so nothing is lost between reading and setting it. */
export function encodeStep(deltaMs: number): Uint8Array {
  const bytes = new Uint8Array(TIMEX_BYTES);
  const view = new DataView(bytes.buffer);
  const seconds = Math.floor(deltaMs / 1000);
  // Rounded in whole nanoseconds, of which there must be less than a second.
  const nanoseconds = Math.min(999_999_999, Math.round((deltaMs - seconds * 1000) * 1e6));
  view.setUint32(0, ADJ.setOffset | ADJ_NANO, true); //      0  4  modes
  view.setBigInt64(72, BigInt(seconds), true); //           72  8  time.tv_sec
  view.setBigInt64(80, BigInt(nanoseconds), true); //       80  8  time.tv_usec: nanoseconds here
  return bytes;
}

/**
 * The kernel's phase-locked loop. In 2^(2 + constant) seconds it takes away 63 % of the offset; that is half a poll
 * interval here. It learns the frequency at a rate that overshoots by a quarter in one: slower takes an hour to find a
 * usual crystal's 50 ppm, faster swings (both tried in a model of kernel/time/ntp.c).
 */
export function encodeSlew({ offsetMs, pollExponent, maxErrorMs, leap }: SlewRequest): Uint8Array {
  const bytes = new Uint8Array(TIMEX_BYTES);
  const view = new DataView(bytes.buffer);
  const { offset, maxError, estError, status, timeConstant } = ADJ;
  const modes = offset | maxError | estError | status | timeConstant | ADJ_NANO;
  const maxErrorUs = BigInt(Math.ceil(maxErrorMs * 1000));
  view.setUint32(0, modes, true); //                                            0  4  modes
  view.setBigInt64(8, BigInt(Math.round(offsetMs * 1e6)), true); //             8  8  offset, ns
  view.setBigInt64(24, maxErrorUs, true); //                                   24  8  maxerror, us
  view.setBigInt64(32, maxErrorUs, true); //                                   32  8  esterror, us
  view.setInt32(40, STATUS_PLL | STATUS_LEAP[leap], true); //                  40  4  status: not unsynchronised
  view.setBigInt64(48, BigInt(Math.max(0, pollExponent - 3)), true); //        48  8  constant
  return bytes;
}

/** struct rtc_time: nine int32. */
export function encodeRtcTime(time: Date): Uint8Array {
  const fields = Int32Array.of(
    time.getUTCSeconds(), //          0  4  tm_sec
    time.getUTCMinutes(), //          4  4  tm_min
    time.getUTCHours(), //            8  4  tm_hour
    time.getUTCDate(), //            12  4  tm_mday
    time.getUTCMonth(), //           16  4  tm_mon, from 0
    time.getUTCFullYear() - 1900, // 20  4  tm_year
    0, //                            24 12  tm_wday, tm_yday, tm_isdst: unused
    0,
    0,
  );
  return new Uint8Array(fields.buffer);
}
