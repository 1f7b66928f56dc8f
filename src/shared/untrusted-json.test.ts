import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';

import { parseUntrustedJson } from './untrusted-json.ts';

const read = (text: string, maxValues: number) =>
  parseUntrustedJson(Buffer.from(text), { name: 'the note', maxBytes: 1_000_000, maxValues });

test('parseUntrustedJson: as many values as it says, and no more', () => {
  assert.equal(read('{"a":1,"b":[2]}', 4).field('a').integer(1, 1), 1);
  const tooMany = { name: 'SyntaxError', message: 'Cannot read the note: it has more than 3 values' };
  assert.throws(() => read('{"a":1,"b":[2]}', 3), tooMany);
  // Before it is known whether it is JSON at all: to find out would cost the memory.
  assert.throws(() => read('[[[[', 3), tooMany);
});

test('parseUntrustedJson: what is in strings does not count', () => {
  const text = fc.string({ unit: fc.constantFrom('"', '\\', ',', '[', '{', 'é', '\n', 'x') });
  fc.assert(
    fc.property(text, text, (key, value) => {
      assert.equal(
        read(JSON.stringify({ [`k${key}`]: value }), 2)
          .field(`k${key}`)
          .text(/^/),
        value,
      );
    }),
    { seed: 61 },
  );
});
