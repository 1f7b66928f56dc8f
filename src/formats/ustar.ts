// A tar of files, directories and symbolic links, in the form that POSIX.1-1988 has (ustar): written with nothing in it
// that depends on when or by whom, and read piece by piece with a bound on everything. Devices, hard links, and the
// extensions that came later are refused: nobody of ours writes them. POSIX.1-2024, pax, "ustar Interchange Format".
//
//   name @0 100, mode @100 8, uid @108 8, gid @116 8, size @124 12, mtime @136 12, checksum @148 8, type @156 1,
//   linkname @157 100, magic @257 6 "ustar\0", version @263 2 "00", prefix @345 155; numbers are octal text

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const TYPES = { file: '0', symlink: '2', directory: '5' } as const;

export interface TarEntry {
  /** Relative, '/'-separated, without `.` and `..`. */
  path: string;
  kind: keyof typeof TYPES;
  mode: number;
  /** Of a file. */
  sizeBytes: number;
  /** Of a symbolic link. */
  target: string;
}

export interface TarLimits {
  maxEntries: number;
  /** Of all files together. */
  maxBytes: number;
}

/** It is no tar of this form. */
export class TarError extends Error {}

/** It is larger than the reader takes. */
export class TarTooLarge extends TarError {}

/** Throws a RangeError for what the format has no room for. */
export function tarHeader({ path, kind, mode, sizeBytes, target }: TarEntry): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { prefix, name } = splitPath(path);
  if (Buffer.byteLength(target) > NAME_BYTES)
    throw new RangeError(`Cannot pack "${path}": its target "${target}" is longer than ${NAME_BYTES} bytes`);
  block.write(name, 0);
  block.write(octal(mode & 0o7777, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(kind === 'file' ? sizeBytes : 0, 12), 124);
  block.write(octal(0, 12), 136);
  block.write('        ', 148);
  block.write(TYPES[kind], 156);
  block.write(kind === 'symlink' ? target : '', 157);
  block.write('ustar\x0000', 257);
  block.write(prefix, 345);
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** What follows a file's content. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK_BYTES);
}

function octal(value: number, width: number): string {
  const text = value.toString(8);
  if (text.length >= width)
    throw new RangeError(`Cannot pack ${value}: it has more than ${width - 1} digits`);
  return `${text.padStart(width - 1, '0')}\0`;
}

function splitPath(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= NAME_BYTES) return { prefix: '', name: path };
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= PREFIX_BYTES && Buffer.byteLength(name) <= NAME_BYTES)
      return { prefix, name };
  }
  throw new RangeError(`Cannot pack "${path}": the path is too long`);
}

/** With blanks where the sum itself will stand. */
function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
  return sum;
}

export type TarEvent = { type: 'entry'; entry: TarEntry } | { type: 'content'; bytes: Uint8Array };

/** Each entry, after a file's the pieces of its content. Throws TarError; what comes after the end has to be zeros. */
export async function* readTar(
  pieces: AsyncIterable<Uint8Array>,
  limits: TarLimits,
): AsyncGenerator<TarEvent> {
  const input = new Blocks(pieces);
  let entries = 0;
  let totalBytes = 0;
  for (;;) {
    const block = await input.block();
    if (block === undefined) throw new TarError('the tar breaks off');
    if (block.every((byte) => byte === 0)) break;
    const entry = parseHeader(block);
    totalBytes += entry.sizeBytes;
    if (++entries > limits.maxEntries)
      throw new TarTooLarge(`the tar has more than ${limits.maxEntries} entries`);
    if (totalBytes > limits.maxBytes)
      throw new TarTooLarge(`the tar has more than ${limits.maxBytes} bytes in it`);
    yield { type: 'entry', entry };
    let left = entry.sizeBytes;
    while (left > 0) {
      const bytes = await input.atMost(left);
      if (bytes === undefined) throw new TarError(`the tar breaks off in "${entry.path}"`);
      left -= bytes.length;
      yield { type: 'content', bytes };
    }
    const padding = tarPadding(entry.sizeBytes).length;
    if (padding > 0 && !(await input.skip(padding))) throw new TarError('the tar breaks off');
  }
  await input.expectZeros();
}

function parseHeader(block: Buffer): TarEntry {
  if (block.toString('latin1', 257, 263) !== 'ustar\0') throw new TarError('it is no tar of this form');
  if (readOctal(block, 148, 8) !== checksum(block)) throw new TarError('a header of the tar is damaged');
  const type = String.fromCharCode(block[156] ?? 0);
  const kind = (Object.keys(TYPES) as (keyof typeof TYPES)[]).find((each) => TYPES[each] === type);
  const prefix = readText(block, 345, PREFIX_BYTES);
  const name = readText(block, 0, NAME_BYTES);
  const path = prefix === '' ? name : `${prefix}/${name}`;
  if (!isPlainPath(path)) throw new TarError(`the tar has the path ${JSON.stringify(path)}`);
  if (kind === undefined) throw new TarError(`"${path}" of the tar is no file, directory or symbolic link`);
  const target = readText(block, 157, NAME_BYTES);
  if ((kind === 'symlink') === (target === '')) throw new TarError(`"${path}" of the tar has a wrong target`);
  const sizeBytes = readOctal(block, 124, 12);
  if (kind !== 'file' && sizeBytes !== 0) throw new TarError(`"${path}" of the tar has content`);
  return { path, kind, mode: readOctal(block, 100, 8) & 0o7777, sizeBytes, target };
}

/** Whether joining it to a directory stays in there. */
function isPlainPath(path: string): boolean {
  return path !== '' && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function readText(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at);
  const bytes = block.subarray(at, end < 0 || end > at + length ? at + length : end);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new TarError('a name in the tar is no UTF-8');
  }
}

function readOctal(block: Buffer, at: number, length: number): number {
  const text = block.toString('latin1', at, at + length).replace(/[\0 ]+$/, '');
  if (!/^[0-7]+$/.test(text)) throw new TarError('a number in the tar is malformed');
  return Number.parseInt(text, 8);
}

/** Pieces of any size as blocks and shares of them. */
class Blocks {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** At least one byte; undefined: there is no more. */
  async atMost(bytes: number): Promise<Uint8Array | undefined> {
    while (this.#piece.length === 0) {
      const next = await this.#pieces.next();
      if (next.done === true) return undefined;
      this.#piece = next.value;
    }
    const taken = this.#piece.subarray(0, bytes);
    this.#piece = this.#piece.subarray(taken.length);
    return taken;
  }

  async block(): Promise<Buffer | undefined> {
    const block = Buffer.alloc(BLOCK_BYTES);
    for (let at = 0; at < BLOCK_BYTES;) {
      const part = await this.atMost(BLOCK_BYTES - at);
      if (part === undefined) return undefined;
      block.set(part, at);
      at += part.length;
    }
    return block;
  }

  async skip(bytes: number): Promise<boolean> {
    for (let left = bytes; left > 0;) {
      const part = await this.atMost(left);
      if (part === undefined) return false;
      left -= part.length;
    }
    return true;
  }

  async expectZeros(): Promise<void> {
    for (;;) {
      const part = await this.atMost(BLOCK_BYTES);
      if (part === undefined) return;
      if (part.some((byte) => byte !== 0)) throw new TarError('something follows the end of the tar');
    }
  }
}
