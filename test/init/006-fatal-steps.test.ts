import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { bootDevice, EARLY_STEPS, KERNEL_MOUNTS, prepareDevice } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

test('without /run nothing works: the device says so and restarts', async () => {
  using sys = new RecordingSys({
    mount({ target }) {
      if (target === '/run') throw new Error('ENOMEM: mount failed');
    },
  });
  prepareDevice(sys);
  sys.file('/dev/kmsg', '');
  await bootDevice(sys);
  assert.deepEqual(sys.log, [...KERNEL_MOUNTS, 'sync', 'power restart']);
  assert.match(
    readFileSync(sys.path('/dev/kmsg'), 'utf8'),
    /^<2>init: fatal: Cannot mount the kernel's file systems: Cannot mount tmpfs on "\/run": ENOMEM: mount failed; the device restarts\n/,
  );
});

test('without a configuration the device restarts', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  rmSync(sys.path('/etc/tskrazy/device.json'));
  await bootDevice(sys);
  assert.deepEqual(sys.log, [...KERNEL_MOUNTS, 'sync', 'power restart']);
});

test('without a pseudo terminal file system the device boots, with a warning', async () => {
  using sys = new RecordingSys({
    mount({ type }) {
      if (type === 'devpts') throw new Error('ENODEV: mount failed');
    },
  });
  prepareDevice(sys);
  const { device } = await bootDevice(sys);
  assert.deepEqual(device.warnings, ['Cannot mount devpts on "/dev/pts": Error: ENODEV: mount failed']);
  assert.deepEqual(sys.log.slice(0, EARLY_STEPS.length), EARLY_STEPS);
});

test('what the kernel has mounted already is no failure', async () => {
  using sys = new RecordingSys({
    mount({ type }) {
      if (type === 'devtmpfs') throw Object.assign(new Error('EBUSY: mount failed'), { code: 'EBUSY' });
    },
  });
  prepareDevice(sys);
  const { device } = await bootDevice(sys);
  assert.deepEqual(device.warnings, []);
});

test('a second failure while going down restarts at once', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  const init = await bootDevice(sys);
  const first = init.giveUp(new Error('a bug'));
  await init.giveUp(new Error('another'));
  assert.equal(sys.log.at(-1), 'power restart');
  await first;
  assert.deepEqual(sys.log.slice(-3), ['power restart', 'sync, unmount /perm', 'power restart']);
});
