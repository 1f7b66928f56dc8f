import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeMbr, encodeHybridMbr } from './mbr.ts';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });

test('encodeHybridMbr gives the bytes of a gokrazy disk of hostname hello', () => {
  const sector = encodeHybridMbr({ diskId: 0x4f9f2cab, bootFirstSector: 8192, bootSectorCount: 204800 });
  assert.equal(sector.length, 512);
  assert.ok(sector.subarray(0, 440).every((byte) => byte === 0));
  const golden =
    'ab2c9f4f0000' +
    '80feffff0cfeffff0020000000200300' +
    '00feffffeefeffff01000000ff1f0000' +
    '00'.repeat(32) +
    '55aa';
  assert.equal(Buffer.from(sector.subarray(440)).toString('hex'), golden);
});

test('decodeMbr reads what encodeHybridMbr writes, in sectors of any size', () => {
  fc.assert(
    fc.property(
      uint32,
      fc.integer({ min: 2, max: 0xffffffff }),
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.constantFrom(512, 4096),
      (diskId, bootFirstSector, bootSectorCount, sectorBytes) => {
        const sector = new Uint8Array(sectorBytes);
        sector.set(encodeHybridMbr({ diskId, bootFirstSector, bootSectorCount }));
        assert.deepEqual(decodeMbr(sector), {
          diskId,
          partitions: [
            { active: true, type: 0x0c, firstSector: bootFirstSector, sectorCount: bootSectorCount },
            { active: false, type: 0xee, firstSector: 1, sectorCount: bootFirstSector - 1 },
            null,
            null,
          ],
        });
      },
    ),
    { seed: 1, numRuns: 50 },
  );
});

test('encodeHybridMbr refuses numbers that do not fit', () => {
  const good = { diskId: 1, bootFirstSector: 8192, bootSectorCount: 1 };
  assert.throws(() => encodeHybridMbr({ ...good, diskId: -1 }), RangeError);
  assert.throws(() => encodeHybridMbr({ ...good, bootSectorCount: 2 ** 32 }), RangeError);
  assert.throws(() => encodeHybridMbr({ ...good, bootSectorCount: 0 }), RangeError);
  assert.throws(() => encodeHybridMbr({ ...good, bootFirstSector: 1 }), /leaves no room for the GPT/);
});

test('decodeMbr refuses what is no MBR', () => {
  assert.throws(() => decodeMbr(new Uint8Array(512)), /signature 55 aa is missing/);
  assert.throws(() => decodeMbr(new Uint8Array(100)), /there are 100 bytes/);
});
