// What init tells of the hardware it runs on: power supply, disk, modules.

import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { linkSerialPort } from '../../src/device/init/serial/serial-link.ts';
import { PowerWatch } from '../../src/device/init/device/power-watch.ts';
import { tellOfDiskErrors } from '../../src/device/init/disk-errors.ts';
import type { LogLine } from '../../src/shared/services/services.ts';
import { bootDevice, consoleLines, prepareDevice, putExt4, service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { DEVICE_TREE, serialPort } from '../support/init/serial-port.ts';

const GET_THROTTLED = 0x30046;
const WARNING =
  'The voltage of the power supply has dropped too low: use a supply and a cable that are made for this board';

/** As the driver of the kernel writes it. */
const KMSG = '2,812,4711000,-;hwmon hwmon1: Undervoltage detected!\n';

function line(text: string): LogLine {
  return { seq: 0, timeMs: 0, stream: 'stderr', text };
}

/** A Raspberry Pi's firmware that answers so. */
function firmware(bits: number | undefined): RecordingSys {
  const sys = new RecordingSys({ firmwareProperty: (tag) => (tag === GET_THROTTLED ? bits : undefined) });
  sys.file('/dev/vcio', '');
  return sys;
}

test('golden log: a Raspberry Pi whose power supply is too weak', async () => {
  using sys = firmware(0x5_0005);
  prepareDevice(sys, { board: 'raspberry-pi', services: [service('app')] });
  putExt4(sys);
  const { device } = await bootDevice(sys);
  assert.deepEqual(consoleLines(sys), [
    `init: warning: ${WARNING}`,
    'init: /perm is on /dev/vda4',
    'init: app: started as process 100',
    'init: services started 1234 ms after the kernel',
  ]);
  assert.deepEqual(device.status().power, {
    underVoltage: { now: true, sinceStart: true },
    throttled: { now: true, sinceStart: true },
    softTemperatureLimit: { now: false, sinceStart: false },
  });
  assert.deepEqual(device.status().warnings, [WARNING]);
});

test('golden log: the voltage was too low before init looked, which the log of the kernel tells', async () => {
  using sys = firmware(0);
  prepareDevice(sys, { board: 'raspberry-pi' });
  putExt4(sys);
  sys.file('/dev/kmsg', KMSG);
  const { device } = await bootDevice(sys);
  assert.deepEqual(consoleLines(sys), [
    'init: /perm is on /dev/vda4',
    'init: services started 1234 ms after the kernel',
    `init: warning: ${WARNING}`,
  ]);
  assert.deepEqual(device.status().power?.underVoltage, { now: false, sinceStart: true });
});

test('what the firmware has seen before counts as seen since the start', () => {
  using sys = firmware(0x6_0000);
  const power = new PowerWatch(sys, () => {});
  assert.deepEqual(power.status()?.throttled, { now: false, sinceStart: true });
  assert.deepEqual(power.status()?.underVoltage, { now: false, sinceStart: false });
});

test('a firmware that does not know the question is asked once, and nothing is told', () => {
  using sys = firmware(undefined);
  const power = new PowerWatch(sys, () => assert.fail('a warning'));
  assert.equal(power.status(), null);
  assert.equal(power.status(), null);
  assert.deepEqual(sys.log, ['firmware property 0x30046: 0']);
});

test('without firmware the sensor of the kernel tells of the voltage', () => {
  using sys = new RecordingSys();
  sys.file('/sys/class/hwmon/hwmon0/name', 'cpu_thermal\n');
  sys.file('/sys/class/hwmon/hwmon1/name', 'rpi_volt\n');
  sys.file('/sys/class/hwmon/hwmon1/in0_lcrit_alarm', '1\n');
  const warnings: string[] = [];
  const power = new PowerWatch(sys, (text) => warnings.push(text));
  assert.deepEqual(power.status(), {
    underVoltage: { now: true, sinceStart: true },
    throttled: null,
    softTemperatureLimit: null,
  });
  sys.file('/sys/class/hwmon/hwmon1/in0_lcrit_alarm', '0\n');
  assert.deepEqual(power.status()?.underVoltage, { now: false, sinceStart: true });
  assert.deepEqual(warnings, [WARNING]);
});

test('a PC tells nothing of its power supply, and nobody is asked', () => {
  using sys = new RecordingSys();
  assert.equal(new PowerWatch(sys, () => {}).status(), null);
  assert.deepEqual(sys.log, []);
});

for (const [text, isError] of [
  ['I/O error, dev vda, sector 4096 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2', true],
  ['Buffer I/O error on dev vda4, logical block 0, lost async page write', true],
  ['EXT4-fs error (device vda4): ext4_lookup:1785: inode #2: comm node: deleted inode', true],
  ['Aborting journal on device vda4-8.', true],
  ['SQUASHFS error: Failed to read block 0x1a2b3c: -5', true],
  ['critical medium error, dev vda, sector 12 op 0x0:(READ)', true],
  ['I/O error, dev vdab, sector 4096 op 0x0:(READ)', false],
  ['I/O error, dev sdb, sector 4096 op 0x0:(READ)', false],
  ['vda: vda1 vda2 vda3 vda4', false],
] as const) {
  test(`the disk that the device starts from ${isError ? 'has errors' : 'is well'}: ${text}`, () => {
    using sys = new RecordingSys();
    prepareDevice(sys);
    const warnings: string[] = [];
    const hear = tellOfDiskErrors(sys, (each) => warnings.push(each));
    hear(line(text));
    hear(line(text));
    const warning = `"/dev/vda", which the device starts from, has errors: replace it soon. The kernel says: ${text}`;
    assert.deepEqual(warnings, isError ? [warning] : []);
  });
}

test('a device tree of an unknown model boots, and says so', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { board: 'raspberry-pi', services: [service('app')] });
  putExt4(sys);
  sys.file('/proc/device-tree/model', 'Raspberry Pi 6 Model B Rev 1.0\0');
  const { device } = await bootDevice(sys);
  assert.deepEqual(device.status().warnings, [
    'tskrazy does not know the model "Raspberry Pi 6 Model B Rev 1.0": some of its hardware may have no driver, and updates may fail to start',
  ]);
  assert.equal(device.supervisor.get('app')?.state, 'running');
});

test('/dev/serial0 is the port that the device tree calls so', () => {
  using sys = new RecordingSys();
  serialPort(sys, 'ttyAMA0', '/soc/serial@7e201000');
  serialPort(sys, 'ttyS0', '/soc/serial@7e215040');
  sys.file(`${DEVICE_TREE}/aliases/serial0`, '/soc/serial@7e215040\0');
  linkSerialPort(sys);
  linkSerialPort(sys);
  assert.equal(readlinkSync(sys.path('/dev/serial0')), 'ttyS0');
});

test('/dev/serial0 is not there when the port is switched off', () => {
  using sys = new RecordingSys();
  serialPort(sys, 'ttyAMA10', '/soc/serial@7d001000');
  sys.file(`${DEVICE_TREE}/aliases/serial0`, '/axi/serial@30000\0');
  sys.file('/dev/ttyS0', '');
  linkSerialPort(sys);
  assert.throws(() => readlinkSync(sys.path('/dev/serial0')), { code: 'ENOENT' });
});

test('/dev/serial0 of a PC is its first port', () => {
  using sys = new RecordingSys();
  sys.file('/dev/ttyS0', '');
  linkSerialPort(sys);
  assert.equal(readlinkSync(sys.path('/dev/serial0')), 'ttyS0');
});

test('the screen is drawn when it has changed, at most once a second, and is left to what is said on the way down', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  using sys = new RecordingSys();
  prepareDevice(sys, { services: [service('app')] });
  putExt4(sys);
  sys.file('/dev/tty1', '');
  const init = await bootDevice(sys);
  const drawn = (): number => readFileSync(sys.path('/dev/tty1'), 'latin1').split('\x1b[H').length - 1;
  assert.equal(drawn(), 1);
  assert.match(readFileSync(sys.path('/dev/tty1'), 'latin1'), /app +running/);
  t.mock.timers.tick(60_000);
  const before = drawn();
  for (let count = 0; count < 100; count++) init.device.log.say('something');
  t.mock.timers.tick(999);
  assert.equal(drawn(), before);
  t.mock.timers.tick(1);
  assert.equal(drawn(), before + 1);
  t.mock.timers.tick(4000);
  assert.equal(drawn(), before + 1);
  t.mock.timers.reset();
  await init.power('restart', 'test');
  assert.equal(drawn(), before + 1);
});
