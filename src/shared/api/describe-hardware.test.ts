import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeBootDisk, describePower } from './describe-hardware.ts';
import type { BootDisk } from './web-api.ts';

const never = { now: false, sinceStart: false };
const before = { now: false, sinceStart: true };
const now = { now: true, sinceStart: true };

test('describePower says what is, and what was', () => {
  const text = (underVoltage: typeof now, throttled: typeof now | null = never): string =>
    describePower({ underVoltage, throttled, softTemperatureLimit: throttled === null ? null : never });
  assert.equal(text(never), 'good');
  assert.equal(text(never, null), 'good');
  assert.equal(text(now, before), 'under-voltage now; processor held back since the start');
  assert.equal(text(before), 'under-voltage since the start');
});

test('describeBootDisk says what the disk tells', () => {
  const disk: BootDisk = {
    path: '/dev/mmcblk0',
    kind: 'SD card',
    name: 'SC32G',
    madeIn: '08/2023',
    sizeBytes: 7,
    wearPercent: null,
  };
  const text = (more: Partial<BootDisk>): string =>
    describeBootDisk({ ...disk, ...more }, (bytes) => `${bytes} B`);
  assert.equal(text({}), 'SD card SC32G of 08/2023, 7 B (/dev/mmcblk0)');
  assert.equal(
    text({ kind: 'eMMC', wearPercent: 10 }),
    'eMMC SC32G of 08/2023, 7 B, 10 % worn (/dev/mmcblk0)',
  );
  assert.equal(text({ path: '/dev/vda', kind: 'disk', name: null, madeIn: null }), 'disk, 7 B (/dev/vda)');
});
