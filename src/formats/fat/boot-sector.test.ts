import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeBootSector, encodeBootSector, encodeFsInfo, forgetFreeSpace } from './boot-sector.ts';
import { planGeometry } from './layout.ts';

const MIB = 2 ** 20;
const plan = (sizeBytes: number, rootSlots = 10) =>
  planGeometry({ sizeBytes, hiddenSectors: 8192, label: 'TEST', volumeId: 0xfedcba98 }, rootSlots);

test("planGeometry makes FAT16 of gokrazy's 100 MiB and FAT32 of our 256 MiB", () => {
  const small = plan(100 * MIB);
  assert.equal(small.type, 'fat16');
  assert.equal(small.clusterBytes, 2048);
  assert.equal(small.fatCopies, 1);
  const large = plan(256 * MIB);
  assert.equal(large.type, 'fat32');
  assert.equal(large.clusterBytes, 2048);
  assert.equal(large.fatCopies, 2);
});

test('planGeometry stays clear of FAT12 and says so', () => {
  assert.throws(() => plan(2 * MIB), /RangeError|it would have to be FAT12/);
  assert.equal(plan(3 * MIB).type, 'fat16');
  assert.throws(() => plan(100 * MIB, 65409), /root directory has 65409 entries: 65408 fit/);
});

test('planGeometry refuses sizes and labels that no volume has', () => {
  assert.throws(() => plan(100 * MIB + 1), /multiple of 512/);
  assert.throws(() => plan(2 ** 41), /below 2 TiB/);
  const good = { sizeBytes: 100 * MIB, hiddenSectors: 0, label: 'OK', volumeId: 0 };
  for (const label of ['', 'lower', 'TWELVE CHARS', 'DOT.', 'END ', ' START']) {
    assert.throws(() => planGeometry({ ...good, label }, 1), TypeError, label);
  }
  assert.throws(() => planGeometry({ ...good, volumeId: -1 }, 1), /volumeId is -1/);
  assert.throws(() => planGeometry({ ...good, hiddenSectors: 2 ** 32 }, 1), /hiddenSectors/);
});

test('decodeBootSector reads what encodeBootSector writes, for volumes of all sizes', () => {
  const sizes = fc.oneof(
    fc.integer({ min: 6 * 1024, max: 2 ** 20 }),
    fc.integer({ min: 2 ** 20, max: 2 ** 32 - 1 }),
    fc.constantFrom(0x10000, 0xffff, 524288, 524287, 2 ** 32 - 1),
  );
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 65408 }), (sectors, rootSlots) => {
      const geometry = plan(sectors * 512, sectors > 2 ** 16 ? rootSlots : 1);
      assert.deepEqual(decodeBootSector(encodeBootSector(geometry), sectors * 512), geometry);
      const { clusterCount, type, dataOffsetBytes, clusterBytes, fatBytes } = geometry;
      if (type === 'fat16') assert.ok(clusterCount >= 4085 && clusterCount < 65525);
      else assert.ok(clusterCount >= 65525 && clusterCount < 0x0ffffff5);
      assert.ok(dataOffsetBytes + clusterCount * clusterBytes <= sectors * 512);
      assert.ok((clusterCount + 2) * (type === 'fat16' ? 2 : 4) <= fatBytes);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('decodeBootSector refuses what it cannot read, clearly', () => {
  const geometry = plan(100 * MIB);
  const sector = encodeBootSector(geometry);
  const refused: [RegExp, (view: DataView) => void][] = [
    [/it is FAT12 \(3969 clusters\)/, (view) => view.setUint16(19, 16117, true)],
    [/sectors of 0 bytes/, (view) => view.setUint16(11, 0, true)],
    [/clusters of 3 sectors/, (view) => view.setUint8(13, 3)],
    [/no FAT/, (view) => view.setUint8(16, 0)],
    [/no FAT/, (view) => view.setUint16(14, 0, true)],
    [/claims 104858112 bytes, but only 104857600 are there/, (view) => view.setUint32(32, 204801, true)],
    [/too few for its own tables/, (view) => view.setUint32(32, 10, true)],
    [/no root directory/, (view) => view.setUint16(17, 0, true)],
    [/clusters, more than the format has/, (view) => view.setUint8(13, 1)],
    [/signature 55 aa/, (view) => view.setUint8(510, 0)],
  ];
  for (const [message, change] of refused) {
    const changed = sector.slice();
    change(new DataView(changed.buffer));
    assert.throws(
      () => decodeBootSector(changed, 100 * MIB),
      { name: 'SyntaxError', message },
      String(message),
    );
  }
  assert.throws(() => decodeBootSector(new Uint8Array(100), 100), /only 100 bytes/);
  const large = encodeBootSector(plan(256 * MIB));
  new DataView(large.buffer).setUint32(44, 0, true);
  assert.throws(() => decodeBootSector(large, 256 * MIB), /root directory starts at cluster 0/);
});

test('decodeBootSector reads any bytes or throws SyntaxError', () => {
  const templates = [plan(3 * MIB), plan(256 * MIB)].map(encodeBootSector);
  const damage = fc.array(fc.tuple(fc.integer({ min: 11, max: 100 }), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.constantFrom(...templates), damage, (template, changes) => {
      const sector = template.slice();
      for (const [offset, value] of changes) sector[offset] = value;
      try {
        const geometry = decodeBootSector(sector, 256 * MIB);
        const end = geometry.dataOffsetBytes + geometry.clusterCount * geometry.clusterBytes;
        assert.ok(end <= 256 * MIB && geometry.clusterCount >= 1);
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: 2, numRuns: 1000 },
  );
});

test('forgetFreeSpace makes a stated number unknown and leaves the rest alone', () => {
  const unknown = encodeFsInfo(512);
  assert.equal(forgetFreeSpace(unknown), undefined);
  assert.equal(forgetFreeSpace(new Uint8Array(512)), undefined);
  const stated = unknown.slice();
  stated.fill(7, 488, 496);
  assert.deepEqual(forgetFreeSpace(stated), unknown);
});
