import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { parseStructuredLine, summarizeLine } from './structured-log.ts';

suite('parseStructuredLine', () => {
  test('reads what our SDK writes', () => {
    assert.deepEqual(
      parseStructuredLine('level=info msg="reading stored" sensor=north note="a \\"b\\"" none=""'),
      {
        level: 'info',
        message: 'reading stored',
        fields: [
          ['sensor', 'north'],
          ['note', 'a "b"'],
          ['none', ''],
        ],
      },
    );
  });

  test("reads what Go's slog and pino write, without their times", () => {
    const expected = { level: 'warn', message: 'disk full', fields: [['path', '/perm']] };
    for (const line of [
      'time=2026-03-01T10:00:00.000Z level=WARN msg="disk full" path=/perm',
      '{"time":"2026-03-01T10:00:00Z","level":"WARN","msg":"disk full","path":"/perm"}',
      '{"level":40,"time":1772359200000,"msg":"disk full","path":"/perm"}',
    ]) {
      assert.deepEqual(parseStructuredLine(line), expected, line);
    }
    assert.deepEqual(parseStructuredLine('{"severity":"critical","message":"x","n":{"a":[1]}}'), {
      level: 'error',
      message: 'x',
      fields: [['n', '{"a":[1]}']],
    });
  });

  test('leaves texts alone', () => {
    for (const text of [
      '',
      'hello',
      'level=info',
      'a=1 b=2',
      'msg=x level=loud',
      '{}',
      '{"msg":1}',
      '[1]',
      '{ "level',
    ]) {
      assert.equal(parseStructuredLine(text), undefined, text);
      assert.equal(summarizeLine(text), text);
    }
    assert.equal(parseStructuredLine('retry with level=info msg=x'), undefined);
  });

  test('makes the best of a line that was cut', () => {
    const whole = 'level=info msg="reading stored" note="some \\"long\\" text"';
    assert.equal(parseStructuredLine(whole.slice(0, -8))?.fields[0]?.[1], 'some "long');
    for (let length = 'level=info msg="r'.length; length < whole.length; length++) {
      const cut = parseStructuredLine(whole.slice(0, length));
      assert.ok(
        cut !== undefined && 'reading stored'.startsWith(cut.message.slice(0, 14)),
        whole.slice(0, length),
      );
    }
  });

  test('never throws, and is quick on anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        summarizeLine(text);
        summarizeLine(`level=info msg=${text}`);
        summarizeLine(`level=info msg="${text}`);
      }),
      { seed: 1, numRuns: 500 },
    );
    summarizeLine(`level=info msg="${'\\'.repeat(8000)}`);
    summarizeLine('a='.repeat(4000));
    summarizeLine('"'.repeat(8000));
  });
});
