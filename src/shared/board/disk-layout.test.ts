import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskGuid, diskId, layOutDisk, MIN_DISK_BYTES, SECTOR_BYTES } from './disk-layout.ts';

test('diskId and diskGuid follow the scheme of gokrazy (its documented value for "hello")', () => {
  assert.equal(diskId('hello').toString(16), '4f9f2cab');
  assert.equal(diskGuid('hello', 2), '60c24cc1-f3f9-427a-8199-4f9f2cab0002');
});

test('layOutDisk gives the geometry of gokrazy for its boot size: a 2 GiB disk', () => {
  const { partitions } = layOutDisk(2 * 1024 ** 3, 100 * 1024 ** 2);
  assert.deepEqual(
    partitions.map((p) => p.firstSector),
    [8192, 212992, 1236992, 2260992],
  );
  const perm = partitions[3];
  assert.equal(perm.firstSector + perm.sectorCount - 1, 4194269);
});

test('layOutDisk refuses a disk that is too small and leaves no gap or overlap in the smallest one', () => {
  assert.throws(() => layOutDisk(MIN_DISK_BYTES - SECTOR_BYTES), RangeError);
  const { partitions } = layOutDisk(MIN_DISK_BYTES);
  for (const [index, partition] of partitions.slice(1).entries()) {
    const before = partitions[index]!;
    assert.equal(partition.firstSector, before.firstSector + before.sectorCount);
  }
});
