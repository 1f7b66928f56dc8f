// Frames of the serial protocol of Z-Stack adapters (TI's "Z-Stack Monitor and Test API"): 0xFE, the number of bytes of
// data, two bytes that name the command, the data, and all of them but the first combined by exclusive or.

const START = 0xfe;
const OVERHEAD_BYTES = 5;

export const REQUEST = 1;
export const EVENT = 2;
export const RESPONSE = 3;

export const SYS = 1;
export const AF = 4;
export const ZDO = 5;
export const UTIL = 7;
export const APP_CONFIG = 15;

export interface ZStackFrame {
  type: number;
  subsystem: number;
  command: number;
  data: Buffer;
}

export function encodeZStackFrame({ type, subsystem, command, data }: ZStackFrame): Buffer {
  const inner = Buffer.from([data.length, (type << 5) | subsystem, command, ...data]);
  return Buffer.from([START, ...inner, inner.reduce((sum, byte) => sum ^ byte, 0)]);
}

/** The whole frames in what has come so far, and what is left. Bytes between frames are for boot loaders, and skipped. */
export function splitZStackFrames(bytes: Buffer): { frames: ZStackFrame[]; rest: Buffer } {
  const frames: ZStackFrame[] = [];
  let rest = bytes;
  for (;;) {
    const start = rest.indexOf(START);
    if (start < 0) return { frames, rest: Buffer.alloc(0) };
    rest = rest.subarray(start);
    const length = OVERHEAD_BYTES + (rest[1] ?? Number.POSITIVE_INFINITY);
    if (rest.length < length) return { frames, rest };
    const [, , command0 = 0, command = 0] = rest;
    const sum = rest.subarray(1, length).reduce((all, byte) => all ^ byte, 0);
    if (sum !== 0)
      throw new Error(`A frame of Z-Stack has a wrong sum: ${rest.subarray(0, length).toString('hex')}`);
    frames.push({
      type: command0 >> 5,
      subsystem: command0 & 0x1f,
      command,
      data: Buffer.from(rest.subarray(4, length - 1)),
    });
    rest = rest.subarray(length);
  }
}
