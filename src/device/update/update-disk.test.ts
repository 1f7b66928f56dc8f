import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PC_LAYOUT } from '../../../test/support/boot-loader/pc-layout.ts';
import { RecordingSys } from '../../../test/support/init/recording-sys.ts';
import { encodeGpt, PARTITION_TYPE } from '../../formats/gpt.ts';
import { openUpdateDisk } from './update-disk.ts';

const MIB = 1024 * 1024;

function deviceWithDisk(rootPartition: number): RecordingSys {
  const sys = new RecordingSys({ rootDevice: `254:${rootPartition}` });
  sys.disk('vda', 8 * MIB, {
    1: [1 * MIB, 1 * MIB],
    2: [2 * MIB, 2 * MIB],
    3: [4 * MIB, 3 * MIB],
    4: [7 * MIB, 1 * MIB],
  });
  return sys;
}

test('openUpdateDisk: the slot that runs is the source, the other one the target', () => {
  for (const [rootPartition, source, target] of [
    [2, 'a', 'b'],
    [3, 'b', 'a'],
  ] as const) {
    using sys = deviceWithDisk(rootPartition);
    using disk = openUpdateDisk(sys, PC_LAYOUT, 'write');
    assert.deepEqual([disk.source, disk.target], [source, target]);
    const sizes = [disk.boot.sizeBytes, disk.sourceRoot.sizeBytes, disk.targetRoot.sizeBytes];
    assert.deepEqual(sizes, [MIB, ...(source === 'a' ? [2 * MIB, 3 * MIB] : [3 * MIB, 2 * MIB])]);
  }
});

test('openUpdateDisk: what is written to the target can be read back, also after the caches were dropped', async () => {
  using sys = deviceWithDisk(2);
  using disk = openUpdateDisk(sys, PC_LAYOUT, 'write');
  await disk.targetRoot.write(512, Uint8Array.of(1, 2, 3));
  await disk.dropCaches();
  assert.deepEqual([...(await disk.targetRoot.read(511, 5))], [0, 1, 2, 3, 0]);
  assert.deepEqual(sys.log, ['drop cache of /dev/vda1', 'drop cache of /dev/vda3']);
});

test('openUpdateDisk refuses a root that is in no slot', () => {
  using sys = deviceWithDisk(4);
  assert.throws(() => openUpdateDisk(sys, PC_LAYOUT, 'look'), /partition 4, which belongs to no slot/);
});

test('openUpdateDisk: whoever only looks cannot write', async () => {
  using sys = deviceWithDisk(2);
  using disk = openUpdateDisk(sys, PC_LAYOUT, 'look');
  assert.equal((await disk.targetRoot.read(0, 1)).length, 1);
  for (const device of [disk.boot, disk.targetRoot]) await assert.rejects(device.write(0, Uint8Array.of(1)));
});

test('openUpdateDisk: the partition table says which root is whose', async () => {
  using sys = deviceWithDisk(2);
  using disk = openUpdateDisk(sys, PC_LAYOUT, 'look');
  await assert.rejects(disk.rootGuid('b'), /no usable GPT header/);
  const guids = [1, 2, 3, 4].map((number) => `60c24cc1-f3f9-427a-8199-00000000000${number}`);
  const { primary } = encodeGpt({
    diskGuid: '60c24cc1-f3f9-427a-8199-000000000000',
    diskSectors: (8 * MIB) / 512,
    sectorBytes: 512,
    firstUsableSector: 34,
    lastUsableSector: (8 * MIB) / 512 - 34,
    partitions: guids.map((guid, index) => {
      const firstSector = 2048 * (index + 1);
      return {
        typeGuid: PARTITION_TYPE.linuxData,
        guid,
        name: '',
        firstSector,
        lastSector: firstSector + 2047,
      };
    }),
  });
  sys.overwrite('/dev/vda', 512, primary);
  assert.deepEqual([await disk.rootGuid('a'), await disk.rootGuid('b')], [guids[1], guids[2]]);
});
