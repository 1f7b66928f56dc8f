import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteDevice, deviceOfBytes, sourceOfBytes } from '../../formats/byte-source.ts';
import { WrittenSectors } from './written-sectors.ts';

const SECTORS = 40;
const writes = fc.array(
  fc
    .tuple(fc.nat(SECTORS * 512 - 1), fc.integer({ min: 1, max: 3000 }), fc.nat(255))
    .map(([offset, length, value]) => ({
      offset,
      bytes: new Uint8Array(Math.min(length, SECTORS * 512 - offset)).fill(value),
    })),
  { minLength: 1, maxLength: 12 },
);

function check(offset: number, length: number): void {
  assert.deepEqual([offset % 512, length % 512], [0, 0]);
}

/** As macOS does with the raw device of a disk. */
function rawDevice(bytes: Uint8Array): ByteDevice {
  const device = deviceOfBytes(bytes);
  return {
    sizeBytes: device.sizeBytes,
    async read(offset, length) {
      check(offset, length);
      return device.read(offset, length);
    },
    async write(offset, data) {
      check(offset, data.length);
      await device.write(offset, data);
    },
  };
}

test('WrittenSectors finds a changed byte in what was written, whatever overlapped, and nothing elsewhere', async () => {
  const property = fc.asyncProperty(writes, fc.nat(SECTORS * 512 - 1), async (list, at) => {
    const disk = Buffer.alloc(SECTORS * 512, 0xaa);
    const expected = Buffer.from(disk);
    const written = new WrittenSectors(rawDevice(disk));
    for (const { offset, bytes } of list) {
      await written.write(offset, bytes);
      expected.set(bytes, offset);
      assert.deepEqual(Buffer.from(await written.read(offset, bytes.length)), Buffer.from(bytes));
    }
    assert.deepEqual(disk, expected);
    let readBytes = 0;
    const find = (): Promise<number | undefined> =>
      written.findDifference(sourceOfBytes(disk), (bytes) => (readBytes += bytes));
    assert.equal(await find(), undefined);
    assert.equal(readBytes, written.writtenBytes);

    disk[at]! ^= 1;
    const sector = Math.floor(at / 512);
    const isWritten = list.some(
      ({ offset, bytes }) => offset < (sector + 1) * 512 && offset + bytes.length > sector * 512,
    );
    assert.equal(await find(), isWritten ? sector * 512 : undefined);
  });
  await fc.assert(property, { seed: 5 });
});

test('WrittenSectors reads neighbouring sectors at once, within limits', async () => {
  const disk = new Uint8Array(4 * 1024 * 1024);
  const written = new WrittenSectors(deviceOfBytes(disk));
  await written.write(0, new Uint8Array(3 * 1024 * 1024));
  await written.write(3.5 * 1024 * 1024, new Uint8Array(512));
  const reads: number[] = [];
  await written.findDifference(sourceOfBytes(disk), (bytes) => reads.push(bytes));
  assert.deepEqual(reads, [1024 * 1024, 1024 * 1024, 1024 * 1024, 512]);
});
