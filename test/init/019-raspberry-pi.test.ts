// Trials of a Raspberry Pi: init and its boot switch are real, the firmware's flag and device tree are played here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBootSwitch } from '../../src/device/init/update/open-boot-switch.ts';
import { BOARDS } from '../../src/shared/board/boards.ts';
import { formatConfigTxt } from '../../src/shared/boot-loader/config-txt.ts';
import { layoutOf } from '../../src/shared/boot-loader/layout-of.ts';
import { INIT_API } from '../../src/shared/api/init-api.ts';
import { describeBootFirmware } from '../../src/shared/boot-loader/boot-firmware.ts';
import { bootVolume } from '../support/formats/boot-volume.ts';
import { consoleLines } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { TrialDevice } from '../support/init/trial-device.ts';

const { boot } = BOARDS['raspberry-pi'];
const SET_FLAGS = 0x00038064;
const DAY_SEC = 24 * 60 * 60;

interface Told {
  builtAtSec: number;
  compatible: string;
}

const PI_5: Told = {
  builtAtSec: Date.UTC(2025, 4, 8) / 1000,
  compatible: 'raspberrypi,5-model-b\0brcm,bcm2712\0',
};
const PI_4: Told = { builtAtSec: PI_5.builtAtSec, compatible: 'raspberrypi,4-model-b\0brcm,bcm2711\0' };

async function raspberryPi(told: Told | null): Promise<TrialDevice> {
  let flags = 0;
  const firmwareProperty = (tag: number, value: number): number => {
    if (tag === SET_FLAGS) flags = value;
    return flags;
  };
  const sys = new RecordingSys({ firmwareProperty });
  const device = new TrialDevice(sys);
  device.prepare();
  const files = Object.fromEntries(
    ['tryboot.txt', 'a/config.txt', 'b/config.txt'].map((path) => [path, formatConfigTxt('a', [])]),
  );
  const volume = await bootVolume({ layout: layoutOf(boot), files });
  sys.overwrite('/dev/vda1', 0, await volume.read(0, volume.sizeBytes));
  if (told !== null) {
    sys.file('/proc/device-tree/compatible', told.compatible);
    sys.file('/proc/device-tree/chosen/bootloader/build-timestamp', cell(told.builtAtSec));
    sys.file('/proc/device-tree/chosen/bootloader/boot-mode', cell(1));
    sys.file('/proc/device-tree/chosen/rpi-min-boot-ver', cell(1));
  }
  device.openBootSwitch = () => openBootSwitch(sys, boot, (text) => sys.log.push(`switch: ${text}`));
  return device;
}

function cell(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** What is said and done of trials, without what every boot does. */
function goldenLog({ sys }: TrialDevice): string[] {
  const isOfTrial = /^(init: (trial|live)|firmware property|restart with|power )/;
  return [...consoleLines(sys), ...sys.log].filter((line) => isOfTrial.test(line));
}

async function askForTrial(device: TrialDevice): Promise<void> {
  await device.boot('a');
  await device.startTrial();
  assert.equal(await device.down(), 'power restart');
}

const ARMED = ['firmware property 0x38064: 1', 'firmware property 0x30064: 0', 'power restart'];

test('a first boot: nothing is asked of the firmware, and what it tells is shown', async () => {
  const device = await raspberryPi(PI_5);
  using sys = device.sys;
  await device.boot('a');
  assert.deepEqual(goldenLog(device), []);
  const { running, committed, trialStart, trialProblem, bootFirmware } = await device.state();
  assert.deepEqual([running, committed, trialStart, trialProblem], ['a', 'a', 'tryboot', undefined]);
  assert.equal(
    describeBootFirmware(bootFirmware!),
    'EEPROM of 2025-05-08, started from the SD card or eMMC, the board asks for MFG_VER 1 at least',
  );
  assert.deepEqual(
    consoleLines(sys).filter((line) => /warn|cannot/i.test(line)),
    [],
  );
});

test('a trial that is confirmed: the flag, the restart, then one sector', async () => {
  const device = await raspberryPi(PI_5);
  using _sys = device.sys;
  await askForTrial(device);
  await device.boot('b');
  await device.advance(60);
  await device.ask('POST', INIT_API.updateConfirm, { buildId: 'b2', who: 'tsk on michael@laptop' });
  await device.settled();
  assert.deepEqual(goldenLog(device), [
    'init: trial of slot b, build b2, for at most 300 s',
    'init: trial: tsk on michael@laptop asked for it, a client has to confirm it',
    'init: trial: all is well',
    'init: trial: confirmed by tsk on michael@laptop: slot b is what starts from now on',
    ...ARMED,
  ]);
  assert.equal((await device.state()).committed, 'b');
});

test('a firmware that forgets its flag: said with the EEPROM and with what helps', async () => {
  const device = await raspberryPi(PI_5);
  using _sys = device.sys;
  await askForTrial(device);
  await device.boot('a');
  const reason =
    'the firmware did not try the new build (EEPROM of 2025-05-08), or that hung before its first log line. ' +
    'Switch the power off for a minute and update again; if that does not help: update the EEPROM (write ' +
    '"Bootloader" of Raspberry Pi Imager to another card and start from that, or run "sudo rpi-eeprom-update -a" ' +
    'on Raspberry Pi OS)';
  assert.deepEqual(goldenLog(device), [`init: trial of build b2: did not start: ${reason}`, ...ARMED]);
  const [record] = (await device.state()).history;
  assert.deepEqual([record?.outcome, record?.reason], ['did not start', reason]);
});

test('a trial of which there are logs was tried', async () => {
  const tried = await raspberryPi(PI_5);
  using _tried = tried.sys;
  await askForTrial(tried);
  await (await tried.boot('b')).device.logKeeper.flush();
  await tried.boot('a');
  assert.equal((await tried.state()).history[0]?.reason, 'it did not go on: panic, hang or power cut');
});

test('an EEPROM that knows no tryboot.txt: said from the start on, and no trial begins', async () => {
  const old = Date.UTC(2020, 8, 3) / 1000;
  const device = await raspberryPi({ ...PI_4, builtAtSec: old });
  using _sys = device.sys;
  await device.boot('a');
  const { trialStart, trialProblem } = await device.state();
  assert.equal(trialStart, null);
  assert.match(
    trialProblem ?? '',
    /^The EEPROM of this Raspberry Pi is of 2020-09-03 and cannot try a build, .* since 2021-03-18 .*rpi-eeprom-update -a/,
  );
  assert.equal((await device.startTrial()).status, 409);
  assert.deepEqual(goldenLog(device), []);
});

test('an EEPROM that is new enough, of another model, or that says nothing, is taken', async () => {
  const told = [PI_4, { ...PI_5, builtAtSec: PI_5.builtAtSec - 3000 * DAY_SEC }, null];
  for (const each of told) {
    const device = await raspberryPi(each);
    using _sys = device.sys;
    await device.boot('a');
    const { trialStart, trialProblem } = await device.state();
    assert.deepEqual([trialStart, trialProblem], ['tryboot', undefined]);
  }
});
