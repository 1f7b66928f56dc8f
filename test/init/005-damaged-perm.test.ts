import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bootDevice,
  EARLY_STEPS,
  PERM_IN_MEMORY,
  PERM_MOUNT,
  prepareDevice,
  putExt4,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

const ERRORS_DETECTED = 3;

test('a /perm with errors is checked before it is mounted', async () => {
  using sys = new RecordingSys({ run: () => ({ exitCode: 1, output: 'perm: corrected' }) });
  prepareDevice(sys);
  putExt4(sys, { state: ERRORS_DETECTED });
  const { device } = await bootDevice(sys);
  assert.deepEqual(sys.log, [...EARLY_STEPS, 'run /tsk/bin/e2fsck -p /dev/vda4 -> 1', PERM_MOUNT]);
  assert.equal(device.perm.note, 'checked');
});

test('a /perm that does not mount is repaired with all means, then mounted', async () => {
  let mounts = 0;
  using sys = new RecordingSys({
    mount(request) {
      if (request.target === '/perm' && mounts++ === 0) throw new Error('EUCLEAN: mount failed');
    },
    run: (argv) => ({ exitCode: argv.includes('-p') ? 4 : 1, output: '' }),
  });
  prepareDevice(sys);
  putExt4(sys);
  const { device } = await bootDevice(sys);
  assert.deepEqual(sys.log, [
    ...EARLY_STEPS,
    PERM_MOUNT,
    'run /tsk/bin/e2fsck -p /dev/vda4 -> 4',
    'run /tsk/bin/e2fsck -f -y /dev/vda4 -> 1',
    PERM_MOUNT,
  ]);
  assert.equal(device.perm.note, 'repaired: look into /perm/lost+found');
});

test('a /perm beyond repair is replaced by one in memory', async () => {
  using sys = new RecordingSys({ run: () => ({ exitCode: 8, output: '' }) });
  prepareDevice(sys);
  putExt4(sys, { state: 0 });
  const { device } = await bootDevice(sys);
  assert.deepEqual(sys.log.slice(EARLY_STEPS.length), [
    'run /tsk/bin/e2fsck -p /dev/vda4 -> 8',
    'run /tsk/bin/e2fsck -f -y /dev/vda4 -> 8',
    'run /tsk/bin/e2fsck -f -y /dev/vda4 -> 8',
    PERM_IN_MEMORY,
  ]);
  assert.equal(device.perm.note, '"/dev/vda4" is damaged beyond what e2fsck can repair');
});

test('an ext4 whose beginning was overwritten is restored from a copy of its superblock', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys, { offsetBytes: 8193 * 1024 });
  sys.overwrite('/dev/vda4', 0, Buffer.alloc(4096, 'garbage'));
  const { device } = await bootDevice(sys);
  assert.deepEqual(sys.log, [...EARLY_STEPS, 'run /tsk/bin/e2fsck -p /dev/vda4 -> 0', PERM_MOUNT]);
  assert.equal(device.perm.state, 'mounted');
});

test('a /perm that has made itself read-only is reported', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys);
  const { device } = await bootDevice(sys);
  assert.equal(device.status().perm.note, null);
  sys.file('/proc/mounts', '/dev/vda4 /perm ext4 ro,nosuid,nodev,noatime,errors=remount-ro 0 0\n');
  assert.equal(device.status().perm.note, 'read-only, because damage was found: a reboot repairs it');
});
