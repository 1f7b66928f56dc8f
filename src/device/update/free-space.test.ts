import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FreeSpace } from './free-space.ts';
import { PAGE_BYTES } from './page-writer.ts';

const START = 3 * PAGE_BYTES;
const END = 40 * PAGE_BYTES;

test('FreeSpace hands out pages that are neither reserved nor handed out', () => {
  const reserved = fc.record({ offset: fc.nat(END), length: fc.integer({ min: 1, max: 6 * PAGE_BYTES }) });
  const lengths = fc.array(fc.integer({ min: 1, max: 6 * PAGE_BYTES }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(reserved, { maxLength: 8 }), lengths, (reservations, wanted) => {
      const space = new FreeSpace(START, END);
      const used = new Uint8Array(END + 6 * PAGE_BYTES);
      for (const { offset, length } of reservations) {
        space.reserve(offset, length);
        used.fill(1, offset, offset + length);
      }
      for (const length of wanted) {
        const offset = space.take(length);
        if (offset === undefined) continue;
        assert.ok(offset % PAGE_BYTES === 0 && offset >= START && offset + length <= END);
        assert.ok(used.subarray(offset, offset + length).every((byte) => byte === 0));
        used.fill(1, offset, offset + length);
      }
    }),
    { seed: 62, numRuns: 200 },
  );
});

test('FreeSpace starts from the end, and ends', () => {
  const space = new FreeSpace(START, END);
  assert.equal(space.take(PAGE_BYTES), END - PAGE_BYTES);
  assert.equal(space.take(PAGE_BYTES + 1), END - 3 * PAGE_BYTES);
  assert.equal(space.take(END), undefined);
  assert.equal(new FreeSpace(END, START).take(1), undefined);
});
