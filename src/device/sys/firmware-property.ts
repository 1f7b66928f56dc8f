// The firmware of a Raspberry Pi, as programs reach it: one property of its mailbox at a time, over /dev/vcio
// (downstream kernel, drivers/char/broadcom/vcio.c; firmware wiki, "Mailbox property interface").

import { closeSync, openSync } from 'node:fs';
import { bindLibc } from './libc.ts';

/** _IOWR(100, 0, char *) */
const IOCTL_MBOX_PROPERTY = 0xc0086400;
/** Set in the tag's length word by a firmware that knows the tag, beside the length of its answer. */
const ANSWERED = 0x8000_0004;
const VALUE_BYTES = 4;
const END_TAG = 0;

const ioctl = bindLibc('ioctl', ['int32', 'uint64', 'buffer']);

/** Words, little-endian: size of all, request, then tag, length, its answer's length, value; then the end. */
export function encodeProperty(tag: number, value: number): Uint32Array {
  const words = Uint32Array.of(0, 0, tag, VALUE_BYTES, 0, value, END_TAG);
  words[0] = words.byteLength;
  return words;
}

/** undefined: the firmware does not know the tag. */
export function decodeProperty(words: Uint32Array): number | undefined {
  return words[4] === ANSWERED ? words[5] : undefined;
}

/** Fails with ENOENT where there is no such firmware. */
export function firmwareProperty(path: string, tag: number, value: number): number | undefined {
  const words = encodeProperty(tag, value);
  const fd = openSync(path, 'r+');
  try {
    ioctl(fd, BigInt(IOCTL_MBOX_PROPERTY), new Uint8Array(words.buffer));
  } finally {
    closeSync(fd);
  }
  return decodeProperty(words);
}
