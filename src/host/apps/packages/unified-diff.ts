// Unified diffs as git writes them, applied as patch-package does: blanks at the ends of lines do not count, and a hunk may have
// moved a little. Texts are strings of bytes (latin1), so that what is not UTF-8 stays as it is.

export interface FileDiff {
  /** Of the file after the change, without `b/`; of one that goes, before it. */
  path: string;
  /** Where it was before, when it moves. */
  movedFrom?: string;
  change: 'make' | 'edit' | 'remove';
  /** Undefined where it stays as it is. */
  isExecutable?: boolean;
  /** git says only that it differs. */
  isBinary: boolean;
  hunks: Hunk[];
}

interface Hunk {
  /** Counted from 0. */
  start: number;
  lines: HunkLine[];
}

interface HunkLine {
  sign: ' ' | '+' | '-';
  text: string;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/;

/** How far a hunk may have moved: that of patch-package. */
const MAX_OFFSET = 20;
const BLANKS = new Set([' ', '\t', '\r']);

export function parseDiff(text: string): FileDiff[] {
  const files: FileDiff[] = [];
  const lines = text.split('\n');
  let file: FileDiff | undefined;
  let isNamed = false;
  const begin = (path: string): FileDiff => {
    const begun: FileDiff = { path, change: 'edit', isBinary: false, hunks: [] };
    files.push(begun);
    isNamed = false;
    return begun;
  };
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] ?? '').replace(/\r$/, '');
    const header = /^diff --git (?:"a\/.+"|a\/.+) ("b\/.+"|b\/.+)$/.exec(line);
    if (header) {
      file = begin(withoutSide(header[1] ?? ''));
      continue;
    }
    const old = /^--- ([^\t]+)/.exec(line)?.[1];
    if (old !== undefined) {
      if (file === undefined || isNamed || file.isBinary) file = begin('');
      isNamed = true;
      if (old === '/dev/null') file.change = 'make';
      else file.path = withoutSide(old);
      continue;
    }
    if (file === undefined) continue;
    const hunk = HUNK.exec(line);
    if (hunk) {
      const found = readHunk(hunk, lines, index + 1);
      file.hunks.push(found.hunk);
      index += found.count;
    } else readHeader(file, line);
  }
  return files;
}

function readHeader(file: FileDiff, line: string): void {
  const [, word = '', value = ''] =
    /^(\+\+\+|new file mode|deleted file mode|new mode|rename from|rename to) ([^\t]+)/.exec(line) ?? [];
  if (word === '+++') {
    if (value === '/dev/null') file.change = 'remove';
    else file.path = withoutSide(value);
  } else if (word === 'rename from') file.movedFrom = decodeName(value);
  else if (word === 'rename to') file.path = decodeName(value);
  else if (word === 'deleted file mode') file.change = 'remove';
  else if (word !== '') {
    file.isExecutable = value.endsWith('755');
    if (word === 'new file mode') file.change = 'make';
  } else if (/^(?:Binary files .* differ$|GIT binary patch)/.test(line)) file.isBinary = true;
}

function withoutSide(name: string): string {
  return decodeName(name).replace(/^[ab]\//, '');
}

/** git quotes names that are not ASCII. */
function decodeName(name: string): string {
  const bytes = name.startsWith('"')
    ? name
        .slice(1, -1)
        .replaceAll(/\\([0-7]{3}|.)/g, (_, escaped: string) =>
          escaped.length === 3 ? String.fromCodePoint(Number.parseInt(escaped, 8)) : escaped,
        )
    : name;
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function readHunk(
  [, start = '0', oldCount = '1', newCount = '1']: RegExpExecArray,
  all: readonly string[],
  first: number,
): { hunk: Hunk; count: number } {
  let [left, right] = [Number(oldCount), Number(newCount)];
  const lines: HunkLine[] = [];
  const unended = { ' ': false, '-': false, '+': false };
  let count = 0;
  for (let index = first; index < all.length; index++) {
    const line = all[index] ?? '';
    // Editors take the blank from empty lines.
    const sign = line === '' ? ' ' : line[0];
    if (sign === '\\') unended[lines.at(-1)?.sign ?? ' '] = true;
    else if (left <= 0 && right <= 0) break;
    else if (sign === ' ' || sign === '-' || sign === '+') {
      lines.push({ sign, text: line.slice(1) });
      if (sign !== '+') left--;
      if (sign !== '-') right--;
    } else break;
    count++;
  }
  // A text that ends with a newline has, split at these, an empty line more.
  if (unended['+'] && !unended['-']) lines.push({ sign: '-', text: '' });
  if (unended['-'] && !unended['+']) lines.push({ sign: '+', text: '' });
  // One without old lines names the line behind which it goes.
  return { hunk: { start: Number(start) - (Number(oldCount) === 0 ? 0 : 1), lines }, count };
}

/** Undefined where a hunk has no place. */
export function applyHunks(text: string, hunks: readonly Hunk[]): string | undefined {
  const lines = text.split('\n');
  // Parts, because files of packages have more lines than a call takes arguments.
  const parts: string[][] = [];
  let done = 0;
  for (const hunk of hunks) {
    const old = hunk.lines.filter(({ sign }) => sign !== '+');
    const at = placeOf(hunk.start, old, lines, done);
    if (at === undefined) return undefined;
    parts.push(lines.slice(done, at));
    done = at;
    const made: string[] = [];
    for (const { sign, text: line } of hunk.lines) {
      if (sign === '+') made.push(line);
      else {
        if (sign === ' ') made.push(lines[done] ?? '');
        done++;
      }
    }
    parts.push(made);
  }
  return [...parts, lines.slice(done)].flat().join('\n');
}

/** The text of a file that the diff makes. */
export function madeText(hunks: readonly Hunk[]): string {
  return applyHunks('', hunks) ?? '';
}

function placeOf(
  start: number,
  old: readonly HunkLine[],
  lines: readonly string[],
  first: number,
): number | undefined {
  for (let distance = 0; distance <= MAX_OFFSET; distance++) {
    for (const at of distance === 0 ? [start] : [start + distance, start - distance]) {
      if (at < first || at + old.length > lines.length) continue;
      if (old.every(({ text }, index) => trimEnd(text) === trimEnd(lines[at + index] ?? ''))) return at;
    }
  }
  return undefined;
}

/** By hand: a pattern would begin anew at each blank of a line that is full of them. */
function trimEnd(line: string): string {
  let end = line.length;
  while (end > 0 && BLANKS.has(line[end - 1] ?? '')) end--;
  return line.slice(0, end);
}
