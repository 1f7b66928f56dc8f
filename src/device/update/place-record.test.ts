import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { deviceOfBytes } from '../../formats/byte-source.ts';
import {
  type ChunkPlace,
  erasePlaceRecords,
  readPlaceRecord,
  recordCapacity,
  recordOffset,
  writePlaceRecord,
} from './place-record.ts';

const MIB = 1024 * 1024;

function placeOf(number: number): ChunkPlace {
  return { sha256: hash('sha256', `${number}`), offsetBytes: number * 2 ** 33, lengthBytes: number };
}

test('readPlaceRecord gives back the last record', async () => {
  const place = fc
    .tuple(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.maxSafeNat(), fc.nat(0xffffffff))
    .map(([sha256, offsetBytes, lengthBytes]) => ({
      sha256: Buffer.from(sha256).toString('hex'),
      offsetBytes,
      lengthBytes,
    }));
  const records = fc.array(fc.array(place, { maxLength: 20 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(records, async (history) => {
      const partition = deviceOfBytes(new Uint8Array(MIB));
      for (const places of history) {
        await writePlaceRecord(partition, places, await readPlaceRecord(partition));
      }
      assert.deepEqual((await readPlaceRecord(partition))?.places, history.at(-1));
    }),
    { seed: 63, numRuns: 50 },
  );
});

test('readPlaceRecord: a record that is cut off leaves the one before', async () => {
  const bytes = new Uint8Array(MIB);
  const partition = deviceOfBytes(bytes);
  const first = [placeOf(1), placeOf(2)];
  const latest = await writePlaceRecord(partition, first, undefined);
  const before = bytes.slice();
  await writePlaceRecord(partition, [placeOf(3), placeOf(4)], latest);
  const start = bytes.findIndex((byte, i) => byte !== before[i]);
  const length = bytes.findLastIndex((byte, i) => byte !== before[i]) + 1 - start;
  for (const whole of [0, 1, 30, 60, length - 1]) {
    const torn = before.slice();
    torn.set(bytes.subarray(start, start + whole), start);
    assert.deepEqual((await readPlaceRecord(deviceOfBytes(torn)))?.places, first);
  }
});

test('readPlaceRecord: of garbage there is no record', async () => {
  const garbage = new Uint8Array(MIB).fill(0xff);
  assert.equal(await readPlaceRecord(deviceOfBytes(garbage)), undefined);
  assert.equal(await readPlaceRecord(deviceOfBytes(new Uint8Array(MIB))), undefined);
  assert.equal(await readPlaceRecord(deviceOfBytes(new Uint8Array(512))), undefined);
  // The start of a record, and a number of entries that no area has.
  garbage.set(Buffer.from('TSKPLACE\u0001\0\0\0', 'latin1'), recordOffset(MIB));
  assert.equal(await readPlaceRecord(deviceOfBytes(garbage)), undefined);
});

test('erasePlaceRecords leaves none', async () => {
  const partition = deviceOfBytes(new Uint8Array(MIB));
  const latest = await writePlaceRecord(partition, [placeOf(1)], undefined);
  await writePlaceRecord(partition, [placeOf(2)], latest);
  await erasePlaceRecords(partition);
  assert.equal(await readPlaceRecord(partition), undefined);
});

test('writePlaceRecord leaves out what does not fit', async () => {
  const partition = deviceOfBytes(new Uint8Array(MIB));
  const capacity = recordCapacity(MIB);
  const places = Array.from({ length: capacity + 10 }, (_, i) => placeOf(i));
  await writePlaceRecord(partition, places, undefined);
  assert.deepEqual((await readPlaceRecord(partition))?.places, places.slice(0, capacity));
  assert.ok(recordCapacity(500 * MIB) > 20_000);
});
