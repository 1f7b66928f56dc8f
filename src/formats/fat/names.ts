// File names on FAT: which are allowed, how they compare, and the short (8.3) name that each long one needs.
// Short names are made of ASCII only; those of others are read as code page 437, like Linux does by default.
// Microsoft FAT32 File System Specification 1.03, section "Long Directory Entries".

/** Length of a short name: eight characters and three, padded with spaces, without the dot. */
export const SHORT_NAME_BYTES = 11;
const BASE_LENGTH = 8;
const MAX_NAME_UNITS = 255;

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const FORBIDDEN = /[\u0000-\u001f"*/:<>?\\|\u007f]/u;
const SHORT_CHARACTERS = "A-Z0-9!#$%&'()@^_`{}~-";
const EXACT_SHORT = new RegExp(`^([${SHORT_CHARACTERS}]{1,8})(?:\\.([${SHORT_CHARACTERS}]{1,3}))?$`);
const NOT_SHORT = new RegExp(`[^${SHORT_CHARACTERS}]`, 'g');

const CODE_PAGE_437 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐' +
  '└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

/** Throws TypeError for a name that FAT cannot hold or that systems would change silently. */
export function checkName(name: string): void {
  const refuse = (reason: string): TypeError =>
    new TypeError(`Cannot store a file named ${JSON.stringify(name)} on FAT: ${reason}`);
  if (name === '' || name === '.' || name === '..') throw refuse('it is not a file name');
  if (name.length > MAX_NAME_UNITS) throw refuse(`it has more than ${MAX_NAME_UNITS} characters`);
  const forbidden = FORBIDDEN.exec(name);
  if (forbidden) throw refuse(`the character ${JSON.stringify(forbidden[0])} is not allowed`);
  if (/[. ]$/.test(name) || name.startsWith(' ')) {
    throw refuse('spaces at either end and dots at the end get lost');
  }
  if (!name.isWellFormed()) throw refuse('it is not well-formed Unicode');
}

/** The form in which two names are equal if they denote the same file: upper case, character by character. */
export function foldName(name: string): string {
  let folded = '';
  for (let i = 0; i < name.length; i++) {
    const upper = name[i]!.toUpperCase();
    folded += upper.length === 1 ? upper : name[i];
  }
  return folded;
}

/** Components of a path with forward slashes and no leading one; [] is the root directory. */
export function splitPath(path: string): string[] {
  return path === '' || path === '/' ? [] : path.split('/');
}

/** `A` and `A/B` of `A/B/C`. */
export function directoriesAbove(path: string): string[] {
  const names = path.split('/');
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join('/'));
}

function pad(base: string, extension: string): string {
  return base.padEnd(BASE_LENGTH) + extension.padEnd(3);
}

/** The short name that says the same as `name` apart from case; undefined when there is none. */
export function exactShortName(name: string): string | undefined {
  // ASCII letters alone change: the upper case of "ı" is "I", but they are different names.
  const match = EXACT_SHORT.exec(name.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase()));
  return match ? pad(match[1]!, match[2] ?? '') : undefined;
}

/** A name that is its own short name, upper case, needs no long-name entries. */
export function needsLongName(name: string, shortName: string): boolean {
  return formatShortName(shortName) !== name;
}

/** `GOKRAZ~1CON` as `GOKRAZ~1.CON`. */
export function formatShortName(shortName: string): string {
  const base = shortName.slice(0, BASE_LENGTH).trimEnd();
  const extension = shortName.slice(BASE_LENGTH).trimEnd();
  return extension === '' ? base : `${base}.${extension}`;
}

function shorten(part: string): string {
  return part.toUpperCase().replaceAll(NOT_SHORT, '_');
}

/** The short names of one directory: which are taken, and new ones in the style of `GOKRAZ~1CON`. */
export class ShortNames {
  readonly #taken = new Set<string>();
  /** Number from which to go on counting, so that thousands of similar names do not each start at 1. */
  readonly #nextNumber = new Map<string, number>();

  reserve(shortName: string): void {
    this.#taken.add(shortName);
  }

  /** A free short name for `name`, reserved from now on. */
  pick(name: string): string {
    const exact = exactShortName(name);
    if (exact !== undefined && !this.#taken.has(exact)) {
      this.#taken.add(exact);
      return exact;
    }
    const bare = name.replaceAll(' ', '').replace(/^\.+/, '');
    const dot = bare.lastIndexOf('.');
    const base = shorten(dot < 0 ? bare : bare.slice(0, dot)).slice(0, BASE_LENGTH) || '_';
    const extension = shorten(dot < 0 ? '' : bare.slice(dot + 1)).slice(0, 3);
    const counter = `${base.slice(0, BASE_LENGTH - 2)}.${extension}`;
    for (let number = this.#nextNumber.get(counter) ?? 1; ; number++) {
      const tail = `~${number}`;
      const candidate = pad(base.slice(0, BASE_LENGTH - tail.length) + tail, extension);
      if (this.#taken.has(candidate)) continue;
      this.#taken.add(candidate);
      this.#nextNumber.set(counter, number + 1);
      return candidate;
    }
  }
}

/** Ties long-name entries to the short entry behind them. */
export function shortNameChecksum(shortName: Uint8Array): number {
  let sum = 0;
  for (const byte of shortName) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}

const LOWER_BASE = 0x08;
const LOWER_EXTENSION = 0x10;

/** A short name as people see it; `caseBits` is Windows NT's way of saying "lower case" without a long name. */
export function decodeShortName(bytes: Uint8Array, caseBits: number): string {
  let characters = '';
  for (const [i, stored] of bytes.entries()) {
    // e5 as the first byte would mark the entry as deleted; 05 stands for it.
    const byte = i === 0 && stored === 0x05 ? 0xe5 : stored;
    characters += byte < 0x80 ? String.fromCharCode(byte) : CODE_PAGE_437[byte - 0x80];
  }
  const base = characters.slice(0, BASE_LENGTH);
  const extension = characters.slice(BASE_LENGTH);
  return formatShortName(
    (caseBits & LOWER_BASE ? base.toLowerCase() : base) +
      (caseBits & LOWER_EXTENSION ? extension.toLowerCase() : extension),
  );
}
