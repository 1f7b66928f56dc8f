// The stand-in for a Raspberry Pi's firmware from one start to the next: the flag, restarts, power.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sourceOfBytes } from '../../src/formats/byte-source.ts';
import { eventually } from '../support/machines/appliance.ts';
import { findNode, stringsOf } from '../support/raspberry-pi/device-tree.ts';
import { canMakeCards, makeCardFile, wholeCard } from '../support/raspberry-pi/pi-card.ts';
import { startFrom } from '../support/raspberry-pi/pi-firmware.ts';
import { RASPI3B, VIRT } from '../support/raspberry-pi/pi-machines.ts';
import { piModel } from '../support/raspberry-pi/pi-models.ts';
import {
  type ScriptedMachine,
  scriptedMachine,
  type ScriptedStart,
} from '../support/raspberry-pi/scripted-machine.ts';
import { requireTool } from '../support/require-tool.ts';
import { StandIn, type StandInOptions } from '../support/raspberry-pi/stand-in.ts';

const TRYBOOT: ScriptedStart = {
  console: "reboot: Restarting system with command '0 tryboot'",
  unknown: 'bcm2835_property: unhandled tag 0x00038064\n',
  ends: 'guest-reset',
};
const RESTART: ScriptedStart = { console: 'reboot: Restarting system', ends: 'guest-reset' };
/** Nothing is printed by who is reset by the watchdog. */
const WATCHDOG: ScriptedStart = { ends: 'guest-reset' };
const POWER_OFF: ScriptedStart = { console: 'reboot: Power down', ends: 'guest-shutdown' };

interface Pi {
  standIn: StandIn;
  machine: ScriptedMachine;
  diskPath: string;
}

async function powerOn(
  t: TestContext,
  starts: readonly ScriptedStart[],
  diskPath = makeCardFile(t, wholeCard()),
  more: Partial<StandInOptions> = {},
): Promise<Pi> {
  const machine = scriptedMachine(dirname(diskPath), starts);
  const standIn = await StandIn.powerOn({
    machine,
    model: piModel('3-b'),
    diskPath,
    extraWords: ['word.of=test'],
    ...more,
  });
  t.after(() => standIn.dispose());
  return { standIn, machine, diskPath };
}

function configsOf({ standIn }: Pi): string[] {
  return standIn.starts.map(({ configPath, osPrefix }) => `${configPath} ${osPrefix}`);
}

test('a restart that asks for a trial gets it once, whatever ends the trial', async (t) => {
  if (!canMakeCards(t)) return;
  const pi = await powerOn(t, [RESTART, TRYBOOT, WATCHDOG, TRYBOOT, RESTART, POWER_OFF]);
  assert.equal(await pi.standIn.ended, 'powered-off');
  assert.equal(pi.standIn.restarts, 5);
  const [usual, trial] = ['config.txt a/', 'tryboot.txt b/'];
  assert.deepEqual(configsOf(pi), [usual, usual, trial, usual, trial, usual]);
});

test('a firmware that forgets comes up in the old slot so often, and not again', async (t) => {
  if (!canMakeCards(t)) return;
  const pi = await powerOn(t, [TRYBOOT, TRYBOOT, TRYBOOT, POWER_OFF], undefined, { forgetsTryboot: 2 });
  await pi.standIn.ended;
  const usual = 'config.txt a/';
  assert.deepEqual(configsOf(pi), [usual, usual, usual, 'tryboot.txt b/']);
});

test('an EEPROM says of itself what one has, and a model without one says nothing', async (t) => {
  if (!canMakeCards(t)) return;
  for (const [model, expected] of [
    ['4-b', [Date.UTC(2025, 4, 8) / 1000, 1]],
    ['3-b', [undefined, undefined]],
  ] as const) {
    const { standIn, machine } = await powerOn(t, [POWER_OFF], undefined, { model: piModel(model) });
    await standIn.ended;
    const { properties } = findNode(machine.trees[0]!, '/chosen/bootloader')!;
    const told = ['build-timestamp', 'boot-mode'].map((name) => properties.get(name)?.readUInt32BE());
    assert.deepEqual(told, expected);
  }
});

test('the kernel gets the command line with this machine’s console, and finds in its tree what the firmware did', async (t) => {
  if (!canMakeCards(t)) return;
  const { standIn, machine } = await powerOn(t, [TRYBOOT, POWER_OFF]);
  await standIn.ended;
  assert.match(
    standIn.consoleOf(0),
    /^cmdline: .* console=ttyTEST0,115200 tskrazy\.slot=a +word\.of=machine word\.of=test\n/,
  );
  assert.match(standIn.consoleOf(1), /tskrazy\.slot=b/);
  const found = machine.trees.map((tree) => {
    const bootloader = findNode(tree, '/chosen/bootloader')!.properties;
    const numbers = ['partition', 'tryboot'].map((name) => bootloader.get(name)!.readUInt32BE());
    return [...stringsOf(findNode(tree, '/chosen'), 'os_prefix'), ...numbers];
  });
  assert.deepEqual(found, [
    ['a/', 1, 0],
    ['b/', 1, 1],
  ]);
});

test('the flag is gone when the power was cut', async (t) => {
  if (!canMakeCards(t)) return;
  const pi = await powerOn(t, [TRYBOOT]);
  const isOnTrial = async (): Promise<boolean> => pi.standIn.consoleOf(1).includes('cmdline');
  await eventually('the trial to run', isOnTrial, 30_000);
  await pi.standIn.cutPower();
  assert.equal(await pi.standIn.ended, 'power-cut');
  const again = await powerOn(t, [POWER_OFF], pi.diskPath);
  await again.standIn.ended;
  assert.deepEqual(configsOf(again), ['config.txt a/']);
});

test('failures: no system, a machine that fails, one without rest, a trial that the firmware was not told of', async (t) => {
  if (!canMakeCards(t)) return;
  const nothing = makeCardFile(t, wholeCard({ 'a/vmlinuz': undefined }));
  await assert.rejects((await powerOn(t, [], nothing)).standIn.ended, /no kernel vmlinuz below "a\/"/);
  await assert.rejects((await powerOn(t, [{ ends: 'host-error' }])).standIn.ended, /QEMU ended: host-error/);
  const endless = Array.from({ length: 20 }, () => RESTART);
  await assert.rejects((await powerOn(t, endless)).standIn.ended, /started 12 times and came to no rest/);
  const untold = { ...TRYBOOT, unknown: '' };
  await assert.rejects((await powerOn(t, [untold])).standIn.ended, /told the firmware nothing/);
});

test('virt tells its own device tree, raspi3b has the one of the card and a log of what the firmware was asked for', async (t) => {
  const qemu = requireTool(t, VIRT.program);
  if (qemu === undefined || !canMakeCards(t)) return;
  const diskPath = makeCardFile(t, wholeCard());
  const inDirectory = (name: string): string => join(dirname(diskPath), name);
  const start = await startFrom(sourceOfBytes(readFileSync(diskPath)), piModel('3-b'));
  const run = {
    diskPath,
    kernelPath: diskPath,
    cmdline: '',
    forwards: [],
    consolePath: inDirectory('console'),
    qmpSocketPath: inDirectory('qmp'),
    unknownPath: inDirectory('unknown'),
  };
  const tree = VIRT.deviceTree(start, run, dirname(diskPath));
  assert.deepEqual(stringsOf(tree.root, 'compatible'), ['linux,dummy-virt']);
  const ofCard = RASPI3B.deviceTree(start, run, dirname(diskPath));
  assert.deepEqual(stringsOf(ofCard.root, 'compatible'), ['raspberrypi,test', 'brcm,bcm2835']);
  const usb = findNode(ofCard, '/soc/usb@7e980000');
  assert.deepEqual(
    [stringsOf(usb, 'compatible'), stringsOf(usb, 'dr_mode')],
    [['brcm,bcm2835-usb'], ['host']],
  );
  assert.equal(RASPI3B.sawTryboot('bcm2835_property: unhandled tag 0x00038064\n'), true);
  assert.equal(RASPI3B.sawTryboot('bcm2835_property: unhandled tag 0x00030048\n'), false);
});
