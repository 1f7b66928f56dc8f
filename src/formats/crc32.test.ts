import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import * as fc from 'fast-check';
import { crc32 } from './crc32.ts';

test('crc32 is that of zlib', () => {
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
  const property = fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
    assert.equal(crc32(bytes), zlib.crc32(bytes));
  });
  fc.assert(property, { seed: 6 });
});
