import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { visibleText, visibleValue } from './visible-text.ts';

/** A string of fast-check's own would take a second to list all characters. */
const CODE_POINT = fc.oneof(fc.nat({ max: 0x30_ff }), fc.nat({ max: 0x10_ff_ff }));

suite('visibleText', () => {
  test('writes out what steers, reorders or is not seen', () => {
    for (const [text, visible] of [
      ['\u001B]0;title\u0007', String.raw`\x1b]0;title\x07`],
      ['\u009B2J\u007F\r\n', String.raw`\x9b2J\x7f\x0d\x0a`],
      ['user\u202Egpj.exe', String.raw`user\u202egpj.exe`],
      ['\u2066a\u2067b\u2068c\u2069', String.raw`\u2066a\u2067b\u2068c\u2069`],
      ['\u200E\u200F\u061C', String.raw`\u200e\u200f\u061c`],
      [
        'pass\u200Bword, soft\u00ADhyphen, \uFEFF',
        String.raw`pass\u200bword, soft\u00adhyphen, \ufeff`.replace('u00ad', 'xad'),
      ],
      ['a\u2060b\u180Ec\u3164d\u2028e', String.raw`a\u2060b\u180ec\u3164d\u2028e`],
      ['tag\u{E0041}\u{E01EF}', String.raw`tag\u{e0041}\u{e01ef}`],
      ['\uFFF9a\uFFFAb\uFFFB', String.raw`\ufff9a\ufffab\ufffb`],
    ] as const)
      assert.equal(visibleText(text), visible);
  });

  test('leaves honest text alone', () => {
    for (const text of [
      'plain\ttext with 100 %',
      'Grüße, 日本語, עברית, العربية, ไทย',
      'می‌خواهم',
      'क्‍ष',
      '👩‍👩‍👧 ⚠️ 🏳️‍🌈 👍🏽',
      'e\u0301',
      '',
    ])
      assert.equal(visibleText(text), text);
  });

  test('does not take what joins nothing for honest', () => {
    assert.equal(visibleText('ad\u200Dmin \uFE0F'), String.raw`ad\u200dmin \ufe0f`);
    assert.equal(visibleText('日\u200D\u200D本'), String.raw`日\u200d\u200d本`);
  });

  test('leaves nothing in any text that it would write out, and loses nothing else', () => {
    fc.assert(
      fc.property(fc.array(CODE_POINT), (points) => {
        const text = String.fromCodePoint(...points);
        const visible = visibleText(text);
        assert.equal(visibleText(visible), visible);
        // oxlint-disable-next-line no-control-regex
        assert.doesNotMatch(visible, /[\0-\u0008\n-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/);
      }),
      { seed: 20_261_128 },
    );
  });
});

test('visibleValue: all texts and names of a value', () => {
  assert.deepEqual(visibleValue({ 'a\u001B': ['x\u202E', 1, null], b: { c: true } }), {
    'a\\x1b': ['x\\u202e', 1, null],
    b: { c: true },
  });
});
