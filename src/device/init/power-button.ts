// Power buttons: ACPI's, a keyboard's, a GPIO key. Each is an input device that has KEY_POWER; pressing it
// sends an input_event (linux/input.h). Devices may be plugged in later, so they are looked for again.

import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { Sys } from '../sys/sys.ts';

const EV_KEY = 1;
const KEY_POWER = 116;
const PRESSED = 1;
/** struct input_event: struct timeval (16 bytes), u16 type, u16 code, s32 value. */
const EVENT_BYTES = 24;
const POLL_MS = 500;
const POLLS_PER_SCAN = 10;

/** Looks for good; `onPress` may be called more than once. */
export function watchPowerButtons(sys: Sys, onPress: () => void): void {
  const open = new Map<string, number>();
  let polls = 0;
  setInterval(() => {
    if (polls++ % POLLS_PER_SCAN === 0) openNewButtons(sys, open);
    for (const [name, fd] of open) {
      const state = readPresses(fd);
      if (state === 'gone') {
        closeSync(fd);
        open.delete(name);
      }
      if (state === 'pressed') onPress();
    }
  }, POLL_MS).unref();
}

function openNewButtons(sys: Sys, open: Map<string, number>): void {
  for (const name of powerButtons(sys)) {
    if (open.has(name)) continue;
    try {
      open.set(name, openSync(sys.path(`/dev/input/${name}`), constants.O_RDONLY | constants.O_NONBLOCK));
    } catch {
      // Unplugged in between, or its node is not there yet: the next scan sees.
    }
  }
}

/** Names of the event devices that have KEY_POWER. */
function powerButtons(sys: Sys): string[] {
  const directory = sys.path('/sys/class/input');
  try {
    return readdirSync(directory).filter(
      (name) =>
        name.startsWith('event') &&
        hasKey(readFileSync(`${directory}/${name}/device/capabilities/key`, 'utf8'), KEY_POWER),
    );
  } catch {
    return [];
  }
}

/** `bitmap`: 64-bit words in hex, the highest first. */
function hasKey(bitmap: string, key: number): boolean {
  const words = bitmap.trim().split(' ').reverse();
  const word = BigInt(`0x${words[Math.floor(key / 64)] ?? '0'}`);
  return ((word >> BigInt(key % 64)) & 1n) === 1n;
}

function readPresses(fd: number): 'pressed' | 'nothing' | 'gone' {
  const events = Buffer.alloc(EVENT_BYTES * 64);
  let length: number;
  try {
    length = readSync(fd, events);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'nothing' : 'gone';
  }
  for (let offset = 0; offset + EVENT_BYTES <= length; offset += EVENT_BYTES) {
    const isPress =
      events.readUInt16LE(offset + 16) === EV_KEY &&
      events.readUInt16LE(offset + 18) === KEY_POWER &&
      events.readInt32LE(offset + 20) === PRESSED;
    if (isPress) return 'pressed';
  }
  return 'nothing';
}
