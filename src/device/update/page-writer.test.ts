import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteDevice, deviceOfBytes } from '../../formats/byte-source.ts';
import { PAGE_BYTES, PageWriter } from './page-writer.ts';

interface Recorded extends ByteDevice {
  bytes: Uint8Array;
  writes: [offsetBytes: number, lengthBytes: number][];
}

function recorded(sizeBytes: number): Recorded {
  const bytes = new Uint8Array(sizeBytes);
  const device = deviceOfBytes(bytes);
  const writes: Recorded['writes'] = [];
  return {
    ...device,
    bytes,
    writes,
    async write(offsetBytes, data) {
      writes.push([offsetBytes, data.length]);
      await device.write(offsetBytes, data);
    },
  };
}

/** The last page is cut short. */
const SIZE_BYTES = 10 * PAGE_BYTES + 512;

const writesArbitrary = fc.array(
  fc
    .record({
      start: fc.nat(SIZE_BYTES - 1),
      length: fc.integer({ min: 1, max: 3 * PAGE_BYTES }),
      value: fc.nat(3),
    })
    .map(({ start, length, value }) => ({ start, length: Math.min(length, SIZE_BYTES - start), value })),
  { maxLength: 12 },
);

test('PageWriter: the device gets what plain writes would have made of it', async () => {
  await fc.assert(
    fc.asyncProperty(writesArbitrary, async (writes) => {
      const device = recorded(SIZE_BYTES);
      const writer = new PageWriter(device);
      const expected = new Uint8Array(SIZE_BYTES);
      for (const { start, length, value } of writes) {
        const bytes = new Uint8Array(length).fill(value);
        await writer.write(start, bytes);
        expected.set(bytes, start);
        assert.ok(Buffer.compare(await writer.read(start, length), bytes) === 0);
      }
      await writer.flush();
      assert.ok(Buffer.compare(device.bytes, expected) === 0);
    }),
    { seed: 61, numRuns: 100 },
  );
});

test('PageWriter writes whole pages, and only those that differ', async () => {
  const device = recorded(SIZE_BYTES);
  const writer = new PageWriter(device);
  const bytes = new Uint8Array(4 * PAGE_BYTES);
  bytes[0] = 1;
  bytes[3 * PAGE_BYTES] = 1;
  await writer.write(100, bytes);
  await writer.flush();
  assert.deepEqual(device.writes, [
    [0, PAGE_BYTES],
    [3 * PAGE_BYTES, PAGE_BYTES],
  ]);
  await writer.write(0, device.bytes.slice());
  await writer.flush();
  assert.equal(device.writes.length, 2);
  // The last page is as long as the device goes on.
  await writer.write(SIZE_BYTES - 1, Uint8Array.of(1));
  await writer.flush();
  assert.deepEqual(device.writes[2], [10 * PAGE_BYTES, 512]);
});

test('PageWriter joins neighbours', async () => {
  const device = recorded(SIZE_BYTES);
  const writer = new PageWriter(device);
  for (let start = 0; start < 2 * PAGE_BYTES; start += 1000) {
    await writer.write(start, new Uint8Array(1000).fill(1));
  }
  assert.deepEqual(device.writes, []);
  await writer.flush();
  assert.deepEqual(device.writes, [[0, 3 * PAGE_BYTES]]);
});

test('PageWriter refuses to write past the end', async () => {
  const writer = new PageWriter(recorded(SIZE_BYTES));
  await assert.rejects(writer.write(SIZE_BYTES - 1, new Uint8Array(2)), RangeError);
  await assert.rejects(writer.write(-1, new Uint8Array(2)), RangeError);
});
