import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bootDevice,
  consoleLines,
  EARLY_STEPS,
  PERM_IN_MEMORY,
  prepareDevice,
  putExt4,
  service,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

for (const [what, offset, bytes] of [
  ['Btrfs', 0x10040, '_BHRfS_M'],
  ['LUKS encryption', 0, 'LUKS\xba\xbe'],
  ['data of an unknown kind', 1024 * 1024 - 1, 'x'],
] as const) {
  test(`a /perm that holds ${what} is left alone: apps run with one in memory`, async () => {
    using sys = new RecordingSys();
    prepareDevice(sys, { services: [service('app')] });
    sys.overwrite('/dev/vda4', offset, Buffer.from(bytes, 'latin1'));
    const { device } = await bootDevice(sys);
    assert.deepEqual(sys.log, [...EARLY_STEPS, PERM_IN_MEMORY, 'spawn /user/app in /perm/home/app']);
    const reason = `"/dev/vda4" holds ${what}, which is left alone`;
    assert.deepEqual(device.perm, { state: 'tmpfs', device: '/dev/vda4', note: reason });
    assert.ok(
      consoleLines(sys).includes(
        `init: warning: /PERM IS IN MEMORY: WHAT IS WRITTEN THERE IS LOST AT THE NEXT REBOOT (${reason})`,
      ),
    );
  });
}

test('a root file system on no partition leaves /perm in memory', async () => {
  using sys = new RecordingSys({ rootDevice: '0:22' });
  prepareDevice(sys);
  const init = await bootDevice(sys);
  await init.power('restart', 'test');
  assert.deepEqual(sys.log, [...EARLY_STEPS, PERM_IN_MEMORY, 'sync', 'power restart']);
});

test('a /perm on a medium that is read-only is neither checked nor called damaged', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys, { state: 0 });
  sys.file('/sys/class/block/vda4/ro', '1\n');
  const { device } = await bootDevice(sys);
  assert.deepEqual(sys.log, [...EARLY_STEPS, PERM_IN_MEMORY]);
  assert.equal(device.perm.note, '"/dev/vda4" cannot be written: its medium is read-only');
  assert.equal(device.isPermLost, true);
});
