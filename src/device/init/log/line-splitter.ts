// Makes lines of what a program writes. A program may write anything: no newline for 100 MB, half a character, terminal
// controls. Memory is bounded by two lines, and what comes out is printable text.
//
//   \n, \r\n, \r\r\n   end a line
//   \r alone           ends a line that what follows was meant to overwrite: progress. Where the next such line differs in
//                      its numbers and bars only, the next one alone is reported; whatever else is reported, too
//   nothing yet        `show` reports what is there; what comes after that is a line which begins with CONTINUED_MARK
//
// Time is not this file's: stream-lines.ts decides when to show.

export const MAX_LINE_BYTES = 8 * 1024;
export const CUT_MARK = ' [line cut]';
export const CONTINUED_MARK = '… ';

/** More is no progress display, and is not compared with anything. */
const MAX_PROGRESS_LENGTH = 512;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
// C0 but for tab, DEL, and C1: what could steer the terminal of whoever reads the log.
// oxlint-disable-next-line no-control-regex
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
/** Colours, cursor moves, erasing (ECMA-48, 5.4), as `printable` leaves them. */
const CONTROL_SEQUENCES = /\\x1b\[[0-9;?]*[A-Za-z]/g;

export class LineSplitter {
  readonly #onLine: (text: string) => void;
  /** Start of a line whose end has not come yet; allocated once a program writes such. */
  #partial: Buffer | undefined;
  #partialBytes = 0;
  /** An earlier part of the line has been reported. */
  #isContinued = false;
  /** The last byte was a return: the next one tells whether it was half of a line end. */
  #isReturned = false;
  /** The line was too long and has been reported: what comes up to its end is dropped. */
  #isSkipping = false;
  /** A line that a lone return ended: the next one may only bring it up to date. */
  #held: string | undefined;
  /** Shape of what was shown last, while no whole line has come since. */
  #shownShape: string | undefined;

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
  }

  /** How many ends of lines were in it. */
  write(chunk: Buffer): number {
    let ends = 0;
    let newline = chunk.indexOf(NEWLINE);
    let lineReturn = chunk.indexOf(RETURN);
    for (let start = 0; start < chunk.length; ends++) {
      if (newline >= 0 && newline < start) newline = chunk.indexOf(NEWLINE, start);
      if (lineReturn >= 0 && lineReturn < start) lineReturn = chunk.indexOf(RETURN, start);
      const end = firstOf(newline, lineReturn);
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (end >= 0 && end === newline && this.#isAtStart() && piece.length <= MAX_LINE_BYTES) {
        this.#report(textOf(piece));
      } else {
        if (piece.length > 0) this.#take(piece);
        if (end < 0) return ends;
        if (end === newline) this.#endLine();
        else this.#isReturned = true;
      }
      start = end + 1;
    }
    return ends;
  }

  /** What `show` would report: news, or progress that differs from what was shown last in numbers and bars only. */
  get unshown(): 'nothing' | 'news' | 'progress' {
    const held = this.#held;
    if (this.#partialBytes === 0 && held === undefined) return 'nothing';
    // First the cheap answers: this is asked after every write.
    if (this.#shownShape === undefined || this.#isContinued) return 'news';
    if (this.#partialBytes > MAX_PROGRESS_LENGTH) return 'news';
    const newest = this.#partialBytes > 0 ? textOf(this.#partialText()) : held;
    if (newest === undefined || (held !== undefined && !isUpdateOf(held, newest))) return 'news';
    return shapeOf(newest) === this.#shownShape ? 'progress' : 'news';
  }

  /** Reports what has no end yet. */
  show(): void {
    const bytes = this.#isReturned ? this.#partialText() : wholeCharacters(this.#partialText());
    const text = bytes.length > 0 ? textOf(bytes) : undefined;
    const shown = text ?? this.#held;
    if (shown === undefined) return;
    if (text !== undefined) {
      const line = this.#marked(text);
      // Half a character stays for its other half.
      this.#partial?.copyWithin(0, bytes.length, this.#partialBytes);
      this.#partialBytes -= bytes.length;
      this.#isContinued = true;
      this.#report(line);
    } else {
      this.#releaseHeld();
    }
    this.#shownShape = shapeOf(shown);
  }

  /** Reports a last line that has no end. */
  end(): void {
    if (this.#partialBytes > 0) this.#report(this.#takeLine());
    else this.#releaseHeld();
    this.#isReturned = false;
    this.#isSkipping = false;
    this.#isContinued = false;
  }

  #isAtStart(): boolean {
    return this.#partialBytes === 0 && !this.#isReturned && !this.#isSkipping && !this.#isContinued;
  }

  #take(piece: Buffer): void {
    if (this.#isReturned) this.#endOverwrittenLine();
    if (this.#isSkipping) return;
    this.#partial ??= Buffer.allocUnsafeSlow(MAX_LINE_BYTES);
    const room = MAX_LINE_BYTES - this.#partialBytes;
    this.#partialBytes += piece.copy(this.#partial, this.#partialBytes, 0, room);
    if (piece.length <= room) return;
    const line = this.#marked(textOf(wholeCharacters(this.#partialText()))) + CUT_MARK;
    this.#partialBytes = 0;
    this.#isSkipping = true;
    this.#report(line);
  }

  #endLine(): void {
    const isReported = this.#isSkipping || (this.#isContinued && this.#partialBytes === 0);
    const line = this.#takeLine();
    if (!isReported) this.#report(line);
    this.#isReturned = false;
    this.#isSkipping = false;
  }

  #endOverwrittenLine(): void {
    this.#isReturned = false;
    const isReported = this.#isSkipping || this.#partialBytes === 0;
    const line = this.#takeLine();
    this.#isSkipping = false;
    // What is blank is how programs erase a line.
    if (isReported || isBlank(line)) return;
    if (this.#held !== undefined && !isUpdateOf(this.#held, line)) this.#releaseHeld();
    this.#held = line;
  }

  #partialText(): Buffer {
    return this.#partial?.subarray(0, this.#partialBytes) ?? Buffer.alloc(0);
  }

  #takeLine(): string {
    const line = this.#marked(textOf(this.#partialText()));
    this.#partialBytes = 0;
    this.#isContinued = false;
    return line;
  }

  #marked(text: string): string {
    return this.#isContinued ? CONTINUED_MARK + text : text;
  }

  /** Reports the line after what is held, unless the line brings that up to date. */
  #report(line: string): void {
    if (this.#held !== undefined && !isUpdateOf(this.#held, line)) this.#releaseHeld();
    this.#held = undefined;
    this.#shownShape = undefined;
    this.#onLine(line);
  }

  #releaseHeld(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#onLine(held);
  }
}

/** Controls as `\x1b`; bytes that are no UTF-8 are U+FFFD already. */
export function printable(text: string): string {
  return text.replace(
    CONTROL_CHARACTERS,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function textOf(bytes: Buffer): string {
  return printable(bytes.toString('utf8'));
}

/** -1 where there is neither. */
function firstOf(a: number, b: number): number {
  if (a < 0 || b < 0) return Math.max(a, b);
  return Math.min(a, b);
}

function isUpdateOf(earlier: string, later: string): boolean {
  if (Math.max(earlier.length, later.length) > MAX_PROGRESS_LENGTH) return false;
  return !isBlank(later) && shapeOf(earlier) === shapeOf(later);
}

function isBlank(text: string): boolean {
  return text.replace(CONTROL_SEQUENCES, '').trim() === '';
}

/** What stays the same while numbers and bars move: the letters. */
function shapeOf(text: string): string {
  return text.replace(CONTROL_SEQUENCES, '').replace(/\P{L}+/gu, '');
}

/** Leaves out the beginning of a character that a cut has left at the end. */
function wholeCharacters(bytes: Buffer): Buffer {
  let start = bytes.length - 1;
  while (start > bytes.length - 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--;
  const lead = bytes[start] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return start + length > bytes.length ? bytes.subarray(0, start) : bytes;
}
