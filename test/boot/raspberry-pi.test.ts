// A card for Raspberry Pis, flashed as a person does it: every model's firmware would start it, a Pi 3 B of QEMU's does, and
// an update is tried by the firmware's flag. What firmware does is the stand-in's; its own tests are in test/tools/.

import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { FileDevice } from '../../src/host/files/file-device.ts';
import { answers } from '../../src/host/vm/answers.ts';
import { BOARDS } from '../../src/shared/board/boards.ts';
import { APP_SOURCE, makeRoot, runTsk, writeConfig, writeInstance } from '../support/cli/instances.ts';
import { eventually } from '../support/machines/appliance.ts';
import { checkModels, type ModelReport } from '../support/raspberry-pi/check-models.ts';
import { PI_MODELS, type PiModel, piModel } from '../support/raspberry-pi/pi-models.ts';
import { type PiMachine, RASPI3B, VIRT } from '../support/raspberry-pi/pi-machines.ts';
import { StandIn, type StandInOptions } from '../support/raspberry-pi/stand-in.ts';
import { requireTool } from '../support/require-tool.ts';

/** A power of two: QEMU's SD card takes nothing else. */
const CARD_BYTES = 2 ** 31;
const PAGE_PORT = 80;
/** Where tsk speaks to devices. */
const TLS_PORT = 443;
/** The emulated Pi 3 needs 85 s of a processor until its page answers. */
const BOOT_LIMIT_MS = 10 * 60_000;

const root = makeRoot('raspberry-pi');
const instance = join(root, 'garden');
const card = join(root, 'card.img');
const LINES = [
  'dtparam=i2c_arm=on',
  'dtoverlay=w1-gpio,gpiopin=4',
  'dtoverlay=vc4-kms-v3d',
  '[pi5]',
  'dtparam=pciex1',
];
/** What the two overlays are on each processor, by the map of the kernel. */
const OVERLAYS = {
  bcm2835: ['w1-gpio', 'vc4-kms-v3d'],
  bcm2711: ['w1-gpio', 'vc4-kms-v3d-pi4'],
  bcm2712: ['w1-gpio-pi5', 'vc4-kms-v3d-pi5'],
};

before(async () => {
  writeInstance(instance, 'raspberry-pi', { bootloaderLines: LINES });
  writeFileSync(card, '');
  truncateSync(card, CARD_BYTES);
  const { code, stdout, stderr } = await runTsk(['-i', instance, 'flash', card, '--yes']);
  assert.equal(code, 0, stdout + stderr);
});

async function modelsOf(path: string): Promise<ModelReport[]> {
  const disk = await FileDevice.open(path, 'r');
  try {
    return await checkModels(disk);
  } finally {
    await disk.close();
  }
}

function overlaysOf({ platform, overlay }: PiModel): string[] {
  return [...(overlay === undefined ? [] : [overlay]), ...OVERLAYS[platform]];
}

test('every model finds its system on a card, with the lines of the instance', async () => {
  const reports = await modelsOf(card);
  assert.deepEqual(
    reports.map(({ model, start, problems }) => [model, start?.osPrefix, start?.overlays, problems]),
    PI_MODELS.map((model) => [model.id, 'a/', overlaysOf(model), []]),
  );
});

/** Until the page answers. */
async function boot(t: TestContext, machine: PiMachine, options: Partial<StandInOptions>): Promise<StandIn> {
  const standIn = await StandIn.powerOn({
    machine,
    model: piModel('3-b'),
    diskPath: card,
    guestPorts: [PAGE_PORT, TLS_PORT],
    ...options,
  });
  t.after(() => standIn.dispose());
  const failed = standIn.ended.then((how) =>
    Promise.reject(new Error(`It is ${how}: ${standIn.console().slice(-2000)}`)),
  );
  failed.catch(() => undefined);
  const isUp = (): Promise<boolean> => answers(`http://${hostOf(standIn, PAGE_PORT)}/health`);
  await Promise.race([eventually('the page', isUp, BOOT_LIMIT_MS), failed]);
  return standIn;
}

function hostOf({ ports }: StandIn, guestPort: number): string {
  return `127.0.0.1:${ports.get(guestPort)}`;
}

test('a Pi 3 B of QEMU starts from the card to its page', async (t) => {
  if (!requireTool(t, BOARDS['raspberry-pi'].qemuSystem)) return;
  const standIn = await boot(t, RASPI3B, {});
  assert.match(standIn.console(), /Machine model: Raspberry Pi 3 Model B/);
  await eventually('the app', async () => standIn.console().includes('hello: started'));
  assert.equal(standIn.restarts, 0);
});

test('an update is tried by the flag of the firmware, and is there when the power was cut', async (t) => {
  if (!requireTool(t, BOARDS['raspberry-pi'].qemuSystem)) return;
  // The memory of a Zero 2 W, less what its firmware keeps.
  const standIn = await boot(t, VIRT, { model: piModel('zero-2-w'), extraWords: ['mem=448M'] });
  writeFileSync(join(instance, 'src', 'main.ts'), `${APP_SOURCE}console.log('new');\n`);
  writeConfig(instance, {
    board: 'raspberry-pi',
    bootloaderLines: LINES,
    kernel: { extraArgs: ['tskrazy.test=new'] },
  });
  const update = await runTsk(['-i', instance, 'update', '--json', '--host', hostOf(standIn, TLS_PORT)]);
  assert.equal(update.code, 0, update.stdout + update.stderr + standIn.console().slice(-2000));
  const { outcome, mode } = JSON.parse(update.stdout) as { outcome: string; mode: string };
  assert.deepEqual([outcome, mode], ['confirmed', 'reboot']);
  assert.deepEqual(
    standIn.starts.map(({ configPath, osPrefix }) => [configPath, osPrefix]),
    [
      ['config.txt', 'a/'],
      ['tryboot.txt', 'b/'],
    ],
  );
  await standIn.cutPower();
  const reports = await modelsOf(card);
  assert.deepEqual(
    reports.map(({ start, problems }) => [start?.osPrefix, problems]),
    PI_MODELS.map(() => ['b/', []]),
  );
});
