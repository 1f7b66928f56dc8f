// Makes lines of what a program writes. A program may write anything: no newline for 100 MB, half a
// character, terminal controls. Memory is bounded by one line, and what comes out is printable text.

export const MAX_LINE_BYTES = 8 * 1024;
export const CUT_MARK = ' [line cut]';

const NEWLINE = 0x0a;
// C0 but for tab, DEL, and C1: what could steer the terminal of whoever reads the log.
// oxlint-disable-next-line no-control-regex
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

export class LineSplitter {
  readonly #onLine: (text: string) => void;
  /** Start of a line whose newline has not come yet; allocated once a program writes such. */
  #partial: Buffer | undefined;
  #partialBytes = 0;
  /** The line was too long and has been reported: what comes up to its newline is dropped. */
  #skipping = false;

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
  }

  write(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline < 0 ? chunk.length : newline;
      if (!this.#skipping) this.#take(chunk.subarray(start, end), newline >= 0);
      if (newline >= 0) this.#skipping = false;
      start = end + 1;
    }
  }

  /** Reports a last line that has no newline. */
  end(): void {
    if (this.#partialBytes > 0) this.#report(this.#takePartial());
    this.#skipping = false;
  }

  #take(piece: Buffer, isComplete: boolean): void {
    if (isComplete && this.#partialBytes === 0 && piece.length <= MAX_LINE_BYTES) {
      this.#report(piece);
      return;
    }
    this.#partial ??= Buffer.allocUnsafeSlow(MAX_LINE_BYTES);
    const room = MAX_LINE_BYTES - this.#partialBytes;
    this.#partialBytes += piece.copy(this.#partial, this.#partialBytes, 0, room);
    if (piece.length > room) {
      this.#report(wholeCharacters(this.#takePartial()), CUT_MARK);
      this.#skipping = !isComplete;
    } else if (isComplete) {
      this.#report(this.#takePartial());
    }
  }

  #takePartial(): Buffer {
    const line = this.#partial?.subarray(0, this.#partialBytes) ?? Buffer.alloc(0);
    this.#partialBytes = 0;
    return line;
  }

  #report(line: Buffer, mark = ''): void {
    const withoutReturn = line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
    this.#onLine(printable(withoutReturn.toString('utf8')) + mark);
  }
}

/** Controls as `\x1b`; bytes that are no UTF-8 are U+FFFD already. */
export function printable(text: string): string {
  return text.replace(
    CONTROL_CHARACTERS,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Without the beginning of a character that a cut has left at the end. */
function wholeCharacters(bytes: Buffer): Buffer {
  let start = bytes.length - 1;
  while (start > bytes.length - 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--;
  const lead = bytes[start] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return start + length > bytes.length ? bytes.subarray(0, start) : bytes;
}
