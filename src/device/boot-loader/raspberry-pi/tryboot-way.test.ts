import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootDevice, type BootDeviceOptions } from '../../../../test/support/init/boot-device.ts';
import { openBlockDevice } from '../../../device/block-device.ts';
import { openFat } from '../../../formats/fat/volume.ts';
import { BOARDS } from '../../../shared/board/boards.ts';
import { formatConfigTxt } from '../../../shared/boot-loader/config-txt.ts';
import { layoutOf } from '../../../shared/boot-loader/layout-of.ts';
import type { BootSwitch } from '../boot-switch.ts';
import { openBootSwitch } from '../../init/update/open-boot-switch.ts';

const { boot } = BOARDS['raspberry-pi'];
const GET_FLAGS = 0x00030064;
const SET_FLAGS = 0x00038064;
const LINES_OF_B = ['dtparam=audio=off'];
const CONFIG_OF_A = formatConfigTxt('a', []);
const CONFIG_OF_B = formatConfigTxt('b', LINES_OF_B);

/** Slot b has other lines than slot a; the firmware has one word of flags, and knows the tags that are listed. */
async function piWith(tags: readonly number[], options: BootDeviceOptions = {}): Promise<BootDevice> {
  let flags = 0;
  const firmwareProperty = (tag: number, value: number): number | undefined => {
    if (!tags.includes(tag)) return undefined;
    if (tag === SET_FLAGS) flags = value;
    return flags;
  };
  return BootDevice.make({
    layout: layoutOf(boot),
    kexec: false,
    efiVariables: false,
    files: {
      'tryboot.txt': CONFIG_OF_A,
      'a/config.txt': CONFIG_OF_A,
      // As the build writes it: one text for both slots.
      'b/config.txt': formatConfigTxt('a', LINES_OF_B),
      'b/vmlinuz': 'kernel of b',
    },
    answers: { firmwareProperty },
    ...options,
  });
}

function missing(): never {
  throw Object.assign(new Error('ENOENT: no such file or directory'), { code: 'ENOENT' });
}

function opened(device: BootDevice): Promise<BootSwitch> {
  return openBootSwitch(device.sys, boot, () => {});
}

async function textOf(device: BootDevice, path: string): Promise<string> {
  using partition = openBlockDevice(device.sys.path('/dev/vda1'), 6 * 1024 * 1024, 'r');
  return Buffer.from(await (await openFat(partition)).readFile(path)).toString();
}

test('a commit takes the lines of the slot with it, in one sector', async () => {
  using device = await piWith([GET_FLAGS, SET_FLAGS]);
  const bootSwitch = await opened(device);
  assert.equal(await bootSwitch.committed(), 'a');
  await bootSwitch.commit('b');
  assert.equal(await bootSwitch.committed(), 'b');
  assert.equal(await textOf(device, 'config.txt'), CONFIG_OF_B);
  await bootSwitch.commit('a');
  assert.equal(await textOf(device, 'config.txt'), CONFIG_OF_A);
});

test('a trial: tryboot.txt is of the slot, and the flag is set before the restart', async () => {
  using device = await piWith([GET_FLAGS, SET_FLAGS]);
  const bootSwitch = await opened(device);
  assert.equal(bootSwitch.trialStart, 'tryboot');
  await bootSwitch.armTrial('b');
  assert.equal(await textOf(device, 'tryboot.txt'), CONFIG_OF_B);
  assert.equal(await textOf(device, 'config.txt'), CONFIG_OF_A);
  await bootSwitch.restartIntoTrial();
  assert.deepEqual(device.sys.log.slice(-3), [
    'firmware property 0x38064: 1',
    'firmware property 0x30064: 0',
    'power restart',
  ]);
});

test('a trial that is taken back: the flag is, and tryboot.txt is that of the committed slot again', async () => {
  using device = await piWith([GET_FLAGS, SET_FLAGS]);
  const bootSwitch = await opened(device);
  await bootSwitch.armTrial('b');
  await bootSwitch.disarm();
  assert.deepEqual(device.sys.log.filter((line) => line.startsWith('firmware')).slice(-2), [
    'firmware property 0x38064: 0',
    'firmware property 0x30064: 0',
  ]);
  assert.equal(await textOf(device, 'tryboot.txt'), CONFIG_OF_A);
  await assert.rejects(bootSwitch.restartIntoTrial(), /No trial was armed/);
});

test('a flag that cannot be taken back starts the committed slot', async () => {
  using device = await piWith([], {
    answers: { firmwareProperty: (tag) => (tag === SET_FLAGS ? 0 : 1) },
  });
  const bootSwitch = await opened(device);
  await bootSwitch.armTrial('b');
  await assert.rejects(bootSwitch.disarm(), {
    message: 'Cannot set the flag "tryboot" of the firmware: it says 1 after 0 was set',
  });
  assert.equal(await textOf(device, 'tryboot.txt'), CONFIG_OF_A);
});

test('after a trial, whatever came of it, tryboot.txt is what config.txt is', async () => {
  using device = await piWith([GET_FLAGS, SET_FLAGS]);
  await (await opened(device)).armTrial('b');
  // The next start, on trial or after it.
  const bootSwitch = await opened(device);
  assert.equal(await textOf(device, 'tryboot.txt'), CONFIG_OF_A);
  await bootSwitch.commit('b');
  assert.equal(await textOf(device, 'tryboot.txt'), CONFIG_OF_B);
});

test('a start after which nothing is to be taken back writes nothing, and asks the firmware for nothing', async () => {
  using device = await piWith([GET_FLAGS, SET_FLAGS]);
  await opened(device);
  assert.deepEqual(device.sys.log, []);
});

test('where the firmware does not know the tag, or is not there, the restart has an argument', async () => {
  for (const options of [{}, { answers: { firmwareProperty: missing } }]) {
    using device = await piWith([], options);
    const bootSwitch = await opened(device);
    await bootSwitch.armTrial('b');
    await bootSwitch.restartIntoTrial();
    assert.equal(device.sys.log.at(-1), 'restart with "0 tryboot"');
  }
});

test('a flag that the firmware takes and does not keep is no trial', async () => {
  using device = await piWith([], {
    answers: { firmwareProperty: (tag) => (tag === SET_FLAGS ? 1 : 0) },
  });
  await assert.rejects((await opened(device)).armTrial('b'), {
    message: 'Cannot set the flag "tryboot" of the firmware: it says 0 after 1 was set',
  });
  assert.ok(device.sys.log.includes('firmware property 0x38064: 0'));
  assert.equal(await textOf(device, 'tryboot.txt'), CONFIG_OF_A);
});
