// Updates of a Raspberry Pi from the first chunk to the end of the trial, and what else may come of them.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { formatConfigTxt } from '../../src/shared/boot-loader/config-txt.ts';
import { sampleBytes } from '../support/formats/squashfs-image.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { PiDevice } from '../support/raspberry-pi/pi-device.ts';
import { type ImageOptions, makeImage, makeKey, type TestImage } from '../support/updates/update-target.ts';

const KEY = makeKey();
const FIRMWARE = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
const LINES = ['dtparam=i2c_arm=on'];

interface PiOptions extends Partial<ImageOptions> {
  lines?: readonly string[];
  overlay?: string;
  firmware?: string;
}

function piImage({ lines = [], overlay = 'one', firmware = 'old', ...more }: PiOptions = {}): TestImage {
  return makeImage({
    key: KEY,
    root: sampleBytes(300_000, 1),
    bootFiles: {
      'bcm2711-rpi-4-b.dtb': 'tree',
      'overlays/README': 'here',
      'overlays/i2c-rtc.dtbo': 'rtc',
      'overlays/w1-gpio.dtbo': `overlay ${overlay}`,
      'config.txt': formatConfigTxt('a', lines),
      ...firmwareOf(firmware, 'firmware/'),
    },
    ...more,
    manifest: { board: 'raspberry-pi', arch: 'arm64', ...more.manifest },
  });
}

function firmwareOf(version: string, directory = ''): Record<string, string> {
  return Object.fromEntries(FIRMWARE.map((name) => [directory + name, `${version} ${name}`]));
}

const OLD = piImage({ signedAtSec: 1_700_000_000 });

async function makeDevice(t: TestContext, next: TestImage): Promise<PiDevice> {
  const sys = new RecordingSys();
  const device = await PiDevice.make(sys, KEY, [OLD, next], firmwareOf('old'));
  t.after(() => {
    device.target.remove();
    sys[Symbol.dispose]();
  });
  assert.equal(await device.start(), 'a');
  return device;
}

/** Whoever else asks the firmware for a start on trial gets what would start anyway. */
async function assertNothingIsOnTrial(device: PiDevice): Promise<void> {
  assert.equal(await device.readByFirmware('tryboot.txt'), await device.readByFirmware('config.txt'));
}

/** Of each start since the first, and what the history has. */
async function story(device: PiDevice): Promise<{ starts: string[]; outcomes: string[] }> {
  const { history } = await device.trials.state();
  return {
    starts: device.starts.slice(1),
    outcomes: history.map(({ toSlot, outcome }) => `${toSlot} ${outcome}`),
  };
}

test('lines alone change: they are on trial with their build, stay with the commit, and go with the way back', async (t) => {
  const next = piImage({ lines: LINES, signedAtSec: 1_700_000_100 });
  const device = await makeDevice(t, next);
  const { mode, missingBytes } = await device.update(next);
  assert.deepEqual([mode, missingBytes], ['reboot', 512]);
  assert.match((await device.readByFirmware('tryboot.txt')) ?? '', /os_prefix=b\/\ndtparam=i2c_arm=on\n/);
  assert.doesNotMatch((await device.readByFirmware('config.txt')) ?? '', /i2c_arm/);
  assert.equal(await device.start(), 'b');
  await device.confirm(next);
  assert.match((await device.readByFirmware('config.txt')) ?? '', /os_prefix=b\/\ndtparam=i2c_arm=on\n/);
  await assertNothingIsOnTrial(device);
  await device.shutDown();
  assert.equal(await device.start(), 'b');
  await device.rollBack();
  assert.equal(await device.start(), 'a');
  await device.trials.advance(60);
  await device.trials.settled();
  assert.doesNotMatch((await device.readByFirmware('config.txt')) ?? '', /i2c_arm/);
  assert.deepEqual(await story(device), {
    starts: ['tryboot.txt b/', 'config.txt b/', 'tryboot.txt a/'],
    outcomes: ['a confirmed', 'b confirmed'],
  });
  assert.deepEqual(device.said, []);
});

test('one overlay changes: no more is sent', async (t) => {
  const next = piImage({ overlay: 'two', signedAtSec: 1_700_000_100 });
  const device = await makeDevice(t, next);
  const { mode, missingBytes } = await device.update(next);
  assert.deepEqual([mode, missingBytes], ['reboot', 'overlay two'.length]);
  assert.equal(await device.start(), 'b');
  assert.equal(await device.readByFirmware('b/overlays/w1-gpio.dtbo'), 'overlay two');
  assert.equal(await device.readByFirmware('a/overlays/w1-gpio.dtbo'), 'overlay one');
});

test('a kernel that ends early, an app that fails, then a build that is well', async (t) => {
  const next = piImage({ kernel: 'another kernel', signedAtSec: 1_700_000_100 });
  const device = await makeDevice(t, next);
  await device.update(next);
  device.diesOnTrial();
  assert.equal(await device.start(), 'a');
  await assertNothingIsOnTrial(device);
  await device.update(next);
  assert.equal(await device.start(), 'b');
  for (let crash = 0; crash < 3; crash++) await device.trials.crash('sensor');
  await device.trials.advance(1);
  await device.trials.down();
  assert.equal(await device.start(), 'a');
  await device.update(next);
  assert.equal(await device.start(), 'b');
  await device.confirm(next);
  assert.deepEqual(await story(device), {
    starts: [
      'tryboot.txt, which ended early',
      'config.txt a/',
      'tryboot.txt b/',
      'config.txt a/',
      'tryboot.txt b/',
    ],
    outcomes: ['b confirmed', 'b rolled back', 'b did not start'],
  });
});

test('firmware comes after the trial, never within one, and that is said before', async (t) => {
  const next = piImage({ firmware: 'new', signedAtSec: 1_700_000_100 });
  const device = await makeDevice(t, next);
  const inRoot = async (): Promise<string> => (await device.readByFirmware('start4.elf')) ?? '';
  const { notes } = await device.update(next);
  assert.deepEqual(notes, [
    `The trial runs with the firmware that is there: ${FIRMWARE.join(', ')} of the new build come when it is confirmed`,
  ]);
  assert.equal(await device.start(), 'b');
  assert.deepEqual(await device.receiver.renewSharedFiles(), []);
  assert.equal(await inRoot(), 'old start4.elf');
  await device.confirm(next);
  assert.equal(await inRoot(), 'old start4.elf');
  assert.deepEqual(await device.receiver.renewSharedFiles(), FIRMWARE);
  assert.equal(await inRoot(), 'new start4.elf');
  assert.deepEqual(await device.receiver.renewSharedFiles(), []);
});

test('an app alone changes: the switch is live, as on any board', async (t) => {
  const root = Buffer.from(sampleBytes(300_000, 1));
  root.write('another app', 70_000);
  const next = piImage({ root, signedAtSec: 1_700_000_100 });
  const device = await makeDevice(t, next);
  const { manifestText: manifest, signaturesText: signatures } = next;
  const client = { id: 'laptop-1', name: 'michael@laptop' };
  const offer = await device.receiver.begin({ client, manifest, signatures });
  assert.deepEqual([offer.mode, offer.notes], ['live', undefined]);
  await device.receiver.leave(offer.id);
});
