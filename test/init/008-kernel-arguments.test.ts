import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bootDevice,
  consoleLines,
  EARLY_STEPS,
  KERNEL_MOUNTS,
  PERM_MOUNT,
  prepareDevice,
  putExt4,
  service,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

test('tskrazy.watchdog=off leaves the watchdog alone', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, {}, 'ro tskrazy.watchdog=off tskrazy.slot=b');
  putExt4(sys);
  sys.file('/dev/watchdog', '');
  const { device } = await bootDevice(sys);
  assert.deepEqual(sys.log, [...EARLY_STEPS, PERM_MOUNT]);
  assert.equal(device.status().watchdog, 'off');
  assert.equal(device.status().slot, 'b');
});

test('the watchdog is opened before everything that could hang', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, {}, 'ro');
  putExt4(sys);
  sys.file('/dev/watchdog', '');
  const { device } = await bootDevice(sys);
  assert.equal(sys.log[KERNEL_MOUNTS.length], 'watchdog /dev/watchdog, 60 s');
  assert.equal(device.status().watchdog, 'fed');
  assert.equal(device.status().slot, null);
});

test('tskrazy.console=logs shows what services write', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { services: [service('app')] }, 'ro tskrazy.console=logs');
  putExt4(sys);
  await bootDevice(sys);
  sys.processes[0]?.write('hello\nworld\n');
  assert.deepEqual(consoleLines(sys).slice(-2), ['app: hello', 'app: world']);
  // There may be a terminal, and somebody who reads it.
  sys.processes[0]?.write('\x1b[2J\u202Eon\u009B1A \x1b[31mred\x1b[0m\n');
  assert.deepEqual(consoleLines(sys).slice(-1), [String.raw`app: \x1b[2J\u202eon\x9b1A red`]);
});
