import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import * as fc from 'fast-check';
import { parseAnsi, stripAnsi } from './ansi.ts';

const ESC = '\u001B';

suite('parseAnsi', () => {
  test('turns colours into classes', () => {
    assert.deepEqual(parseAnsi(`a ${ESC}[1;31mred${ESC}[39m bold${ESC}[0m plain`), [
      { text: 'a ', className: '' },
      { text: 'red', className: 'ansi-red ansi-bold' },
      { text: ' bold', className: 'ansi-bold' },
      { text: ' plain', className: '' },
    ]);
    assert.deepEqual(parseAnsi(`${ESC}[92mok${ESC}[m.`), [
      { text: 'ok', className: 'ansi-green' },
      { text: '.', className: '' },
    ]);
  });

  test('shows the colours of palettes plain, without their numbers', () => {
    assert.deepEqual(parseAnsi(`${ESC}[38;5;31mx${ESC}[48;2;31;32;33;32my`), [
      { text: 'x', className: '' },
      { text: 'y', className: 'ansi-green' },
    ]);
  });

  test('leaves other sequences and control characters out', () => {
    const text = `${ESC}[2K${ESC}[1Gbuild${ESC}]8;;http://x${ESC}\\ link${ESC}]8;;\u0007${ESC}(B\u0007\r\ttab`;
    assert.equal(stripAnsi(text), 'build linkB\ttab');
    assert.equal(stripAnsi(`cut ${ESC}`), 'cut ');
  });

  test('keeps every printable character, whatever is between', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme-ascii' }),
      fc.constantFrom(`${ESC}[31m`, `${ESC}[0;1;97m`, `${ESC}[5A`, `${ESC}[38;5;200m`, '\u0000'),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        const joined = parseAnsi(text)
          .map((span) => span.text)
          .join('');
        assert.equal(joined, stripAnsi(text));
        assert.equal(joined, pieces.filter((each) => !each.startsWith(ESC) && each !== '\0').join(''));
      }),
      { seed: 20_261_123 },
    );
  });
});
