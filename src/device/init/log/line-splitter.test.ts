import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CONTINUED_MARK, CUT_MARK, LineSplitter, MAX_LINE_BYTES } from './line-splitter.ts';

function linesOf(...chunks: (string | Buffer)[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(Buffer.from(chunk));
  splitter.end();
  return lines;
}

test('LineSplitter joins lines across chunks and reports a last one without newline', () => {
  assert.deepEqual(linesOf('one\ntw', 'o\n\nthr', 'ee'), ['one', 'two', '', 'three']);
});

test('LineSplitter drops the return of DOS line ends', () => {
  assert.deepEqual(linesOf('a\r\nb\r', '\nc'), ['a', 'b', 'c']);
});

test('LineSplitter escapes control characters and keeps tabs', () => {
  assert.deepEqual(linesOf('\u001b[31mred\u0007\tx\u009b\n'), ['\\x1b[31mred\\x07\tx\\x9b']);
});

test('LineSplitter replaces bytes that are not UTF-8', () => {
  assert.deepEqual(linesOf(Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a])), ['a��b']);
});

test('LineSplitter keeps a character that comes in two chunks', () => {
  assert.deepEqual(linesOf(Buffer.from([0xc3]), Buffer.from([0xa4, 0x0a])), ['ä']);
});

test('LineSplitter cuts a long line at a whole character and goes on with the next line', () => {
  const long = `a${'ä'.repeat(MAX_LINE_BYTES)}`;
  const expected = `a${'ä'.repeat((MAX_LINE_BYTES - 2) / 2)}${CUT_MARK}`;
  assert.deepEqual(linesOf(`${long}\nnext\n`), [expected, 'next']);
  assert.deepEqual(linesOf(long.slice(0, 5000), long.slice(5000), long, '\nnext\n'), [expected, 'next']);
});

test('LineSplitter reports a line of exactly the limit whole', () => {
  const line = 'x'.repeat(MAX_LINE_BYTES);
  assert.deepEqual(linesOf(`${line}\n`), [line]);
  assert.deepEqual(linesOf(line.slice(1), `x\n`), [line]);
});

test('LineSplitter ends a line at a lone return, and takes the next for progress where only numbers differ', () => {
  const progress = Array.from({ length: 2000 }, (_, index) => `\r${index}/2000 items`).join('');
  assert.deepEqual(linesOf(`${progress}\rERROR: pump is stuck\nnext line\n`), [
    '1999/2000 items',
    'ERROR: pump is stuck',
    'next line',
  ]);
  const cases: [string, string[]][] = [
    ['10%\r20%\r100%\r\ndone\n', ['100%', 'done']],
    ['[=>  ]\r[==> ]\r[===>]\n', ['[===>]']],
    ['ERROR: pump is stuck\r12/2000 items\r13/2000 items', ['ERROR: pump is stuck', '13/2000 items']],
    ['fetching\r\u001b[2Kunpacking\r\u001b[2K   \rdone\n', ['fetching', '\\x1b[2Kunpacking', 'done']],
    ['12%\r\n\n', ['12%', '']],
    ['a\r\r\nb\r\r\r\nc', ['a', 'b', 'c']],
    ['\r\n\r\n', ['', '']],
    ['one\n\rtwo\n\r', ['one', 'two']],
    ['a\r', ['a']],
    ['\r', []],
  ];
  for (const [input, lines] of cases) assert.deepEqual(linesOf(input), lines, JSON.stringify(input));
});

test('LineSplitter ends a line that was too long at a return, too', () => {
  const long = 'x'.repeat(MAX_LINE_BYTES);
  assert.deepEqual(linesOf(`${long}y\rerror\n`), [`${long}${CUT_MARK}`, 'error']);
  assert.deepEqual(linesOf(`${long}y\r`, '\nerror\n'), [`${long}${CUT_MARK}`, 'error']);
});

test('LineSplitter shows what has no end yet, once, and marks what goes on with it', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  const after = (text: string | Buffer, expected: readonly string[]): void => {
    splitter.write(Buffer.from(text));
    splitter.show();
    splitter.show();
    assert.deepEqual(lines.splice(0), expected, JSON.stringify(text));
    assert.equal(splitter.unshown, 'nothing');
  };
  after('Listening> ', ['Listening> ']);
  after('ready\nnext', [`${CONTINUED_MARK}ready`, 'next']);
  // Its end alone is not worth a line.
  after('\n', []);
  after('\n', ['']);
  after('10%\r', ['10%']);
  after('\n', []);
  after('10%\r', ['10%']);
  after('20%', ['20%']);
  after('\r30%\r40%', ['40%']);
  after('\rERROR\r50%', ['ERROR', '50%']);
  after('x'.repeat(MAX_LINE_BYTES), [`${CONTINUED_MARK}${'x'.repeat(MAX_LINE_BYTES)}`]);
  after(`${'x'.repeat(MAX_LINE_BYTES)}y`, [`${CONTINUED_MARK}${'x'.repeat(MAX_LINE_BYTES)}${CUT_MARK}`]);
  after('dropped\n', []);
  splitter.write(Buffer.from([0x61, 0xc3]));
  splitter.show();
  assert.deepEqual(lines.splice(0), ['a']);
  splitter.write(Buffer.from([0xa4]));
  splitter.end();
  assert.deepEqual(lines, [`${CONTINUED_MARK}ä`]);
});

test('LineSplitter tells progress from news', () => {
  const splitter = new LineSplitter(() => {});
  const unshownAfter = (text: string): string => {
    splitter.write(Buffer.from(text));
    return splitter.unshown;
  };
  assert.equal(unshownAfter('\r1/9 items'), 'news');
  splitter.show();
  assert.equal(unshownAfter('\r2/9 items'), 'progress');
  assert.equal(unshownAfter('\r3/9 items\r'), 'progress');
  assert.equal(unshownAfter('no more'), 'news');
  assert.equal(unshownAfter('\r4/9 items'), 'news');
  assert.equal(unshownAfter('\n5/9 items'), 'news');
});

test('LineSplitter loses nothing, wherever it is shown and however the bytes are cut', () => {
  // No two are alike, and none is blank, as these may be taken for one line brought up to date, or for its erasing.
  const word = fc
    .integer({ min: 1, max: 26 ** 4 })
    .map((number) =>
      number.toString(26).replace(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))),
    );
  const end = fc.constantFrom('\n', '\r', '\r\n', '\r\r\n', '');
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(word, end), { selector: ([text]) => text, maxLength: 30 }),
      fc.array(fc.tuple(fc.nat({ max: 200 }), fc.boolean()), { maxLength: 12 }),
      (pieces, cuts) => {
        const bytes = Buffer.from(pieces.flat().join(''));
        const lines: string[] = [];
        const splitter = new LineSplitter((line) => lines.push(line));
        let start = 0;
        for (const [at, isShown] of cuts
          .filter(([cut]) => cut < bytes.length)
          .toSorted(([a], [b]) => a - b)) {
          splitter.write(bytes.subarray(start, at));
          if (isShown) splitter.show();
          start = at;
        }
        splitter.write(bytes.subarray(start));
        splitter.end();
        const texts = pieces.map(([text]) => text).join('');
        assert.equal(lines.map((line) => line.replace(CONTINUED_MARK, '')).join(''), texts);
        assert.ok(lines.every((line) => !/[\r\n]/.test(line)));
      },
    ),
    { seed: 11, numRuns: 500 },
  );
});

test('LineSplitter gives the same lines however the bytes are cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.string({ unit: 'grapheme', maxLength: 40 }),
          fc.constantFrom('\n', '\r', '\r\n', '\r\r\n', '\n\r'),
        ),
      ),
      fc.array(fc.nat({ max: 400 }), { maxLength: 8 }),
      (texts, cuts) => {
        const bytes = Buffer.from(texts.flat().join(''));
        const borders = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = borders.slice(1).map((border, i) => bytes.subarray(borders[i], border));
        assert.deepEqual(linesOf(...chunks), linesOf(bytes));
      },
    ),
    { seed: 7 },
  );
});
