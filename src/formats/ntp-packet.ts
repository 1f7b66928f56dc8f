// Packets of NTP (RFC 5905 section 7.3) as a client uses them: what it asks, what it reads of an answer. Without
// extension fields and authentication.

export interface NtpResponse {
  /** A second is inserted or deleted at the end of the day; `unsynchronised`: the server does not know the time. */
  leap: 'none' | 'insert' | 'delete' | 'unsynchronised';
  version: number;
  mode: number;
  /** 1: has a clock of its own. 0: the server declines to say, see `kissCode`. */
  stratum: number;
  /** How often the server would like to be asked, as a power of two in seconds. */
  pollExponent: number;
  /** Delay of the server's way to its reference clock. */
  rootDelayMs: number;
  rootDispersionMs: number;
  /** Reason for which the server declines, at stratum 0 (`RATE`, `DENY`, `RSTR`, ...). */
  kissCode: string;
  /** Unix times in ms. Null: the server left the field empty. */
  referenceMs: number | null;
  receiveMs: number | null;
  transmitMs: number | null;
  /** The eight bytes that the request had as its transmit time stamp. */
  originCookie: Uint8Array;
}

export const NTP_PORT = 123;
export const NTP_COOKIE_LENGTH = 8;
const NTP_PACKET_LENGTH = 48;
export const NTP_MODE = { client: 3, server: 4 } as const;
const NTP_VERSION = 4;

const LEAP = ['none', 'insert', 'delete', 'unsynchronised'] as const;
/** Seconds from 1900, where NTP counts from, to 1970. */
const UNIX_EPOCH_SEC = 2_208_988_800;
/** NTP seconds have 32 bits; the next era begins in 2036. */
const ERA_SEC = 2 ** 32;

/**
 * All fields are zero but version, mode and transmit time stamp: the server needs no others, and a random time
 * stamp tells nobody what our clock shows. It is what an answer must repeat.
 */
export function encodeNtpRequest(cookie: Uint8Array): Uint8Array {
  if (cookie.length !== NTP_COOKIE_LENGTH) {
    throw new RangeError(`Cannot ask for the time: the cookie has ${cookie.length} bytes instead of 8`);
  }
  const bytes = new Uint8Array(NTP_PACKET_LENGTH);
  bytes[0] = (NTP_VERSION << 3) | NTP_MODE.client; //  0  1  leap indicator, version, mode
  bytes.set(cookie, 40); //                            40 8  transmit time stamp
  return bytes;
}

/** `undefined`: too short. `aroundMs` decides the era: every time is taken to be within 68 years of it. */
export function decodeNtpResponse(bytes: Uint8Array, aroundMs: number): NtpResponse | undefined {
  if (bytes.length < NTP_PACKET_LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0); //                   0  1  leap indicator, version, mode
  return {
    leap: LEAP[(first >> 6) as 0 | 1 | 2 | 3],
    version: (first >> 3) & 7,
    mode: first & 7,
    stratum: view.getUint8(1), //                      1  1  stratum
    pollExponent: view.getInt8(2), //                  2  1  poll, 3 1 precision
    rootDelayMs: shortToMs(view.getUint32(4)), //      4  4  root delay
    rootDispersionMs: shortToMs(view.getUint32(8)), // 8  4  root dispersion
    kissCode: asciiOf(bytes.subarray(12, 16)), //      12 4  reference id
    referenceMs: readTime(view, 16, aroundMs), //   16 8  reference time stamp
    originCookie: bytes.slice(24, 32), //              24 8  origin time stamp
    receiveMs: readTime(view, 32, aroundMs), //     32 8  receive time stamp
    transmitMs: readTime(view, 40, aroundMs), //    40 8  transmit time stamp
  };
}

/** 32 bits of seconds since 1900, 32 bits of fraction; for servers, such as the tests have. */
export function encodeNtpTime(unixMs: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const seconds = Math.floor(unixMs / 1000);
  view.setUint32(0, (seconds + UNIX_EPOCH_SEC) % ERA_SEC);
  view.setUint32(4, Math.min(ERA_SEC - 1, Math.round((unixMs / 1000 - seconds) * ERA_SEC)));
  return bytes;
}

function readTime(view: DataView, offset: number, aroundMs: number): number | null {
  const seconds = view.getUint32(offset);
  const fraction = view.getUint32(offset + 4);
  if (seconds === 0 && fraction === 0) return null;
  const eras = Math.max(0, Math.round((aroundMs / 1000 + UNIX_EPOCH_SEC - seconds) / ERA_SEC));
  return (seconds + eras * ERA_SEC - UNIX_EPOCH_SEC + fraction / ERA_SEC) * 1000;
}

/** NTP short format: 16 bits of seconds, 16 bits of fraction. */
function shortToMs(value: number): number {
  return (value / 0x1_0000) * 1000;
}

function asciiOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes).replaceAll(/[^ -~]/g, '');
}
