import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { parseStyledText, plainText, type StyledSpan } from './styled-text.ts';

const ESC = '\u001B';

/** Spans as `text`, or `text (color bold dim)`. */
function shown(text: string): string[] {
  return parseStyledText(text).map(({ text: part, color, isBold, isDim }: StyledSpan) => {
    const style = [color, isBold && 'bold', isDim && 'dim'].filter(Boolean).join(' ');
    return style === '' ? part : `${part} (${style})`;
  });
}

suite('parseStyledText', () => {
  test('reads colours as programs write them, and as init keeps them', () => {
    for (const escape of [`${ESC}[`, String.raw`\x1b[`, '\u009B', String.raw`\x9b`]) {
      const text = `a ESC1;31mredESC39m boldESC0m plain ESC92mokESCm.`.replaceAll('ESC', escape);
      assert.deepEqual(shown(text), ['a ', 'red (red bold)', ' bold (bold)', ' plain ', 'ok (green)', '.']);
    }
  });

  test('shows the colours of palettes plain, without their numbers', () => {
    assert.deepEqual(shown(`${ESC}[38;5;31mx${ESC}[48;2;31;32;33;32my${ESC}[38:2::1:2:3mz`), [
      'x',
      'yz (green)',
    ]);
  });

  test('conceals nothing, by no style and by no colour on a ground of the same', () => {
    assert.deepEqual(shown(`${ESC}[8mhidden${ESC}[28m ${ESC}[30;40mblack${ESC}[97mwhite${ESC}[31;41m red`), [
      'hidden blackwhite',
      ' red (red)',
    ]);
    assert.deepEqual(shown('user\u202Egpj.exe'), [String.raw`user\u202egpj.exe`]);
  });

  test('writes out every other sequence and control character', () => {
    const text = `${ESC}[2K${ESC}[1Gbuild${ESC}]8;;http://x${ESC}\\link${ESC}]8;;\u0007\u0007\r\ttab`;
    const esc = String.raw`\x1b`;
    assert.equal(
      plainText(text),
      String.raw`${esc}[2K${esc}[1Gbuild${esc}]8;;http://x${esc}\link${esc}]8;;\x07\x07\x0d` + '\ttab',
    );
    assert.equal(plainText(`cut ${ESC}`), `cut ${esc}`);
  });

  test('keeps every printable character, whatever is between', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme-ascii' }),
      fc.constantFrom(`${ESC}[31m`, `${ESC}[0;1;97m`, `${ESC}[8m`, `${ESC}[38;5;200m`),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const joined = parseStyledText(pieces.join(''))
          .map((span) => span.text)
          .join('');
        assert.equal(joined, plainText(pieces.join('')));
        assert.equal(joined, pieces.filter((each) => !each.startsWith(ESC)).join(''));
      }),
      { seed: 20_261_123 },
    );
  });
});
