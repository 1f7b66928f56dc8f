import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readDiskHealth } from './disk-health.ts';

const sys = mkdtempSync(join(tmpdir(), 'tsk-disk-health-'));
after(() => rmSync(sys, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(join(sys, path, '..'), { recursive: true });
  writeFileSync(join(sys, path), text);
}

test('readDiskHealth: errors that ext4 has counted, and the wear of the eMMC that a partition is on', () => {
  write('fs/ext4/mmcblk0p4/errors_count', '3\n');
  write('devices/mmc/block/mmcblk0/device/life_time', '0x02 0x0b\n');
  mkdirSync(join(sys, 'devices/mmc/block/mmcblk0/mmcblk0p4'));
  mkdirSync(join(sys, 'class/block'), { recursive: true });
  for (const name of ['mmcblk0', 'mmcblk0/mmcblk0p4'])
    symlinkSync(join(sys, 'devices/mmc/block', name), join(sys, 'class/block', name.split('/').at(-1) ?? ''));
  assert.deepEqual(readDiskHealth(sys, '/dev/mmcblk0p4'), { fileSystemErrors: 3, wearPercent: 100 });
  assert.equal(readDiskHealth(sys, '/dev/mmcblk0').wearPercent, 100);
  write('devices/mmc/block/mmcblk0/device/life_time', '0x01 0x02\n');
  assert.equal(readDiskHealth(sys, '/dev/mmcblk0p4').wearPercent, 20);
});

test('readDiskHealth: what does not tell is no zero', () => {
  const nothing = { fileSystemErrors: null, wearPercent: null };
  write('devices/mmc/block/mmcblk0/device/life_time', '0x00 0x00\n');
  assert.deepEqual(readDiskHealth(sys, '/dev/mmcblk0').wearPercent, null);
  for (const device of ['tmpfs', '/dev/vda4', '/dev/../etc', ''])
    assert.deepEqual(readDiskHealth(sys, device), nothing);
});
