import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import type { ByteSource } from '../../src/formats/byte-source.ts';
import { readGpt } from '../../src/formats/gpt.ts';
import { openBlockDevice } from '../../src/device/block-device.ts';
import { test } from 'node:test';
import {
  bootDevice,
  EARLY_STEPS,
  PERM_MOUNT,
  prepareDevice,
  putExt4,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

const MIB = 1024 * 1024;

test('a disk that has become larger gives its room to /perm: table, kernel, file system', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys, { sizeMiB: 128 });
  growDisk(sys, 1024 * MIB);
  const init = await bootDevice(sys);
  const lengthBytes = 768 * MIB - 33 * 512;
  assert.deepEqual(sys.log, [
    ...EARLY_STEPS,
    `partition 4 of /dev/vda: ${lengthBytes} bytes at ${256 * MIB}`,
    PERM_MOUNT,
    `ext4 /perm: ${Math.floor(lengthBytes / 4096)} blocks`,
  ]);
  assert.deepEqual(init.device.perm, {
    state: 'mounted',
    device: '/dev/vda4',
    note: 'grown to the end of the disk',
  });
  const disk = openBlockDevice(sys.path('/dev/vda'), 1024 * MIB, 'r');
  const gpt = await readGpt(disk);
  assert.equal(gpt.diskSectors, 2048 * 1024);
  assert.equal(gpt.partitions[3]?.lastSector, gpt.lastUsableSector);
  // The backup is found, too: at the new end.
  assert.deepEqual(await readGpt(withoutPrimary(disk)), gpt);
});

test('a /perm that cannot be grown is used as it is', async () => {
  using sys = new RecordingSys({
    resizePartition() {
      throw new Error('EINVAL: ioctl failed');
    },
  });
  prepareDevice(sys);
  putExt4(sys, { sizeMiB: 128 });
  growDisk(sys, 1024 * MIB);
  const { device } = await bootDevice(sys);
  assert.deepEqual(device.perm, { state: 'mounted', device: '/dev/vda4', note: null });
  assert.deepEqual(device.warnings, ['Cannot grow "/dev/vda4": EINVAL: ioctl failed']);
});

function growDisk(sys: RecordingSys, sizeBytes: number): void {
  truncateSync(sys.path('/dev/vda'), sizeBytes);
  sys.file('/sys/devices/vda/size', `${sizeBytes / 512}\n`);
}

function withoutPrimary(disk: ByteSource): ByteSource {
  return {
    sizeBytes: disk.sizeBytes,
    read: (offset, length) =>
      offset < 34 * 512 ? Promise.resolve(new Uint8Array(length)) : disk.read(offset, length),
  };
}
