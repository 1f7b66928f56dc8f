// Damages a valid input so that most of it stays what it is: one to four changes of bytes, numbers, runs or, in texts, of
// tokens and values.

import type { FuzzTarget } from './fuzz-target.ts';

/** A small generator (mulberry32): the same seed gives the same inputs, on every computer. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to `limit`, without it. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

const NUMBERS = [0, 1, 2, 3, 4, 7, 8, 16, 63, 64, 127, 128, 191, 192, 255];
const WORDS = [0, 1, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const TOKENS = [
  '',
  '0',
  '-1',
  '1e308',
  '99999999999999999999',
  'null',
  '__proto__',
  '\0',
  '\u{202e}',
  '../',
  '%',
  '"',
  '\\',
];
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  '',
  'x',
  '\u0000',
  '\u{1f600}',
  [],
  {},
  [[]],
  ['x'],
];
const MAX_INPUT_BYTES = 256 * 1024;

type Change = (bytes: Uint8Array, random: Random, pool: readonly Uint8Array[]) => Uint8Array;

export function mutate(
  pool: readonly Uint8Array[],
  { form, repair }: Pick<FuzzTarget, 'form' | 'repair'>,
  random: Random,
): Uint8Array {
  let bytes: Uint8Array = random.pick(pool).slice();
  const changes = form === 'JSON' ? JSON_CHANGES : form === 'text' ? TEXT_CHANGES : BYTE_CHANGES;
  for (let left = 1 + random.below(4); left > 0; left--) bytes = random.pick(changes)(bytes, random, pool);
  const bounded = bytes.subarray(0, MAX_INPUT_BYTES);
  // Some stay as they are: the check is part of the parser.
  return repair !== undefined && random.below(8) > 0 ? repair(bounded) : bounded;
}

const FLOOD_BYTES = 96 * 1024;

/** A piece of it again and again: what looks twice at all that has come so far shows only so. */
export function flood(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  const piece = bytes.subarray(at, at + 1 + random.below(48));
  const times = Math.ceil(FLOOD_BYTES / Math.max(1, piece.length));
  return joined(bytes.subarray(0, at), ...Array.from({ length: times }, () => piece), bytes.subarray(at));
}

function setByte(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  bytes[at] = random.below(2) === 0 ? random.below(256) : random.pick(NUMBERS);
  return bytes;
}

function flipBit(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
}

function setNumber(bytes: Uint8Array, random: Random): Uint8Array {
  const width = random.pick([2, 4]);
  if (bytes.length < width) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = random.below(bytes.length - width + 1);
  const isLittle = random.below(2) === 0;
  const near = width === 2 ? view.getUint16(at, isLittle) : view.getUint32(at, isLittle);
  const value = random.below(2) === 0 ? random.pick(WORDS) : near + random.pick([-1, 1, 8, -8]);
  if (width === 2) view.setUint16(at, value, isLittle);
  else view.setUint32(at, value, isLittle);
  return bytes;
}

function cut(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, random.below(bytes.length + 1));
}

function remove(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(16)));
}

function repeat(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  const piece = bytes.subarray(at, at + 1 + random.below(32));
  return joined(
    bytes.subarray(0, at),
    ...Array.from({ length: 1 + random.below(8) }, () => piece),
    bytes.subarray(at),
  );
}

function splice(bytes: Uint8Array, random: Random, pool: readonly Uint8Array[]): Uint8Array {
  const other = random.pick(pool);
  return joined(
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  );
}

function insertToken(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), Buffer.from(random.pick(TOKENS)), bytes.subarray(at));
}

/** A value somewhere becomes another, is gone, or is there twice. */
function changeValue(bytes: Uint8Array, random: Random): Uint8Array {
  let root: unknown;
  try {
    root = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return setByte(bytes, random);
  }
  let holder = root;
  for (let depth = 0; depth < 12; depth++) {
    if (typeof holder !== 'object' || holder === null) break;
    const keys = Object.keys(holder);
    const key = random.pick(keys);
    if (key === undefined) break;
    const container = holder as Record<string, unknown>;
    const inner = container[key];
    if (typeof inner === 'object' && inner !== null && random.below(4) > 0) {
      holder = inner;
      continue;
    }
    changeProperty(container, key, random);
    break;
  }
  return Buffer.from(JSON.stringify(root));
}

function changeProperty(container: Record<string, unknown>, key: string, random: Random): void {
  const value = container[key];
  const kind = random.below(5);
  if (kind === 0 && !Array.isArray(container)) delete container[key];
  else if (kind === 1 && Array.isArray(container))
    container.push(...Array.from({ length: 1 + random.below(40) }, () => value));
  else if (kind === 2 && typeof value === 'string') container[key] = value + random.pick(TOKENS);
  else if (kind === 3 && typeof value === 'number')
    container[key] = value + random.pick([-1, 1, 2 ** 31, 2 ** 53]);
  else container[key] = random.pick(VALUES);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  // One copy: going by values, as `Uint8Array.from` does, takes a millisecond for a disk.
  return new Uint8Array(Buffer.concat(parts));
}

const BYTE_CHANGES: readonly Change[] = [
  setByte,
  setByte,
  flipBit,
  flipBit,
  setNumber,
  setNumber,
  cut,
  remove,
  repeat,
  splice,
];
const TEXT_CHANGES: readonly Change[] = [
  setByte,
  flipBit,
  insertToken,
  insertToken,
  remove,
  repeat,
  splice,
  cut,
];
const JSON_CHANGES: readonly Change[] = [
  changeValue,
  changeValue,
  changeValue,
  changeValue,
  setByte,
  insertToken,
];
