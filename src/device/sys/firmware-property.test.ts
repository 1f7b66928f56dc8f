import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProperty, encodeProperty, firmwareProperty } from './firmware-property.ts';

test('a question to the firmware: 28 bytes with one tag', () => {
  const words = encodeProperty(0x00038064, 1);
  assert.deepEqual([...words], [28, 0, 0x00038064, 4, 0, 1, 0]);
  assert.equal(words.byteLength, 28);
});

test('an answer is one when the firmware knows the tag', () => {
  // As QEMU's raspi3b answers a tag that it does not know, and one that it does.
  assert.equal(decodeProperty(Uint32Array.of(28, 0x80000000, 0x00030064, 4, 0x80000000, 0, 0)), undefined);
  assert.equal(decodeProperty(Uint32Array.of(28, 0x80000000, 0x00030064, 4, 0x80000004, 1, 0)), 1);
});

test('elsewhere there is no such firmware', () => {
  assert.throws(() => firmwareProperty('/dev/there-is-no-vcio', 0x00030064, 0), { code: 'ENOENT' });
});
