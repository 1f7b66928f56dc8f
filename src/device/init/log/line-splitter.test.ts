import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CUT_MARK, LineSplitter, MAX_LINE_BYTES } from './line-splitter.ts';

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

test('LineSplitter gives the same lines however the bytes are cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 40 })),
      fc.array(fc.nat({ max: 400 }), { maxLength: 8 }),
      (texts, cuts) => {
        const bytes = Buffer.from(texts.join('\n'));
        const borders = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = borders.slice(1).map((border, i) => bytes.subarray(borders[i], border));
        assert.deepEqual(linesOf(...chunks), linesOf(bytes));
      },
    ),
    { seed: 7 },
  );
});
