// A card for Raspberry Pis, flashed as a person does it: every model's firmware would start it, a Pi 3 B of QEMU's does, and
// an update is tried by the firmware's flag. What firmware does is the stand-in's; its own tests are in test/tools/.

import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { FileDevice } from '../../src/host/files/file-device.ts';
import { answers } from '../../src/host/vm/answers.ts';
import type { WebStatus } from '../../src/shared/api/web-api.ts';
import { BOARDS } from '../../src/shared/board/boards.ts';
import { APP_SOURCE, makeRoot, runTsk, writeConfig, writeInstance } from '../support/cli/instances.ts';
import { eventually } from '../support/machines/appliance.ts';
import { checkModels, type ModelReport } from '../support/raspberry-pi/check-models.ts';
import { PI_MODELS, type PiModel, piModel } from '../support/raspberry-pi/pi-models.ts';
import { type PiMachine, RASPI3B, VIRT } from '../support/raspberry-pi/pi-machines.ts';
import { StandIn, type StandInOptions } from '../support/raspberry-pi/stand-in.ts';
import { LONG_VARIANT } from '../support/long-variants.ts';
import { requireTool } from '../support/require-tool.ts';

/** A power of two: QEMU's SD card takes nothing else. */
const CARD_BYTES = 2 ** 31;
const PAGE_PORT = 80;
/** Where tsk speaks to devices. */
const TLS_PORT = 443;
/** The emulated Pi 3 needs 85 s of a processor until its page answers, and writes a slot more slowly yet. */
const BOOT_LIMIT_MS = 20 * 60_000;

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'raspberry-pi');
const WIRES = join(import.meta.dirname, '..', 'support', 'gpio', 'device-apps', 'wires.ts');
const HUNGRY = join(import.meta.dirname, '..', 'support', 'hostile-app', 'hungry.ts');
const METER = join(import.meta.dirname, '..', 'fixtures', 'serial', 'meter.ts');
const CONFIRMED = /init: trial: confirmed by .*: slot [ab] is what starts from now on/;
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

/** Started on the Pi 3 B alone, which has a header. */
const OF_HEADER = {
  garden: { node: './src/garden/main.ts', autostart: false, sandbox: { devices: ['gpio', '1-wire'] } },
  wires: {
    node: './src/wires.ts',
    autostart: false,
    restart: 'never',
    sandbox: { devices: ['gpio', 'i2c-1', 'spi0', '/dev/loop-control', '/dev/loop2*'] },
  },
};
const CONFIG = {
  board: 'raspberry-pi',
  bootloaderLines: LINES,
  apps: {
    hello: { node: './src/main.ts' },
    hungry: { node: './src/hungry.ts', memory: '64MiB', autostart: false },
    meter: { node: './src/meter.ts', sandbox: { devices: ['/dev/serial/by-id/*'] }, autostart: false },
    ...OF_HEADER,
  },
} as const;

before(async () => {
  writeInstance(instance, 'raspberry-pi', CONFIG);
  copyFileSync(HUNGRY, join(instance, 'src', 'hungry.ts'));
  copyFileSync(METER, join(instance, 'src', 'meter.ts'));
  writeFileSync(card, '');
  truncateSync(card, CARD_BYTES);
  cpSync(join(EXAMPLE, 'src'), join(instance, 'src', 'garden'), { recursive: true });
  const wires = readFileSync(WIRES, 'utf8').replace(/'[^']*app\/gpio\/index\.ts'/, "'tskrazy/app/gpio'");
  writeFileSync(join(instance, 'src', 'wires.ts'), wires);
  const { code, stdout, stderr } = await runTsk(['-i', instance, 'flash', card, '--yes']);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stderr, /^config\.txt: added "dtparam=spi=on" for device "spi0" of app "wires"$/m);
  assert.match(stderr, /^config\.txt: "dtparam=i2c_arm=on" of "bootloaderLines" stands for device "i2c-1"/m);
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

test('an update is tried by the flag of the firmware, when that does not forget it, and is there when the power was cut', async (t) => {
  if (!requireTool(t, BOARDS['raspberry-pi'].qemuSystem)) return;
  // The memory of a Zero 2 W, less what its firmware keeps.
  const words = { extraWords: ['mem=448M'] };
  const standIn = await boot(t, VIRT, { model: piModel('4-b'), ...words, forgetsTryboot: 1 });
  await checkModules(standIn);
  await checkFacts(standIn);
  await checkSerialAdapter(standIn);
  await checkMemoryLimit(standIn);
  release('new');
  const forgotten = await runTsk(updateArguments(standIn));
  assert.match(
    forgotten.stdout + forgotten.stderr,
    /the firmware did not try the new build \(EEPROM of 2025-05-08\).*Switch the power off for a minute/,
  );
  await isUpdated(standIn);
  assert.deepEqual(startsOf(standIn), [
    ['config.txt', 'a/'],
    ['config.txt', 'a/'],
    ['tryboot.txt', 'b/'],
  ]);
  await standIn.cutPower();
  await startsNextFrom('b/');
});

/** Where nothing is made up: the drivers of the SD card and of the firmware's mailbox, and the model's own tree. */
test('a Pi 3 B of QEMU starts from the card to its page, with its header', async (t) => {
  if (!requireTool(t, BOARDS['raspberry-pi'].qemuSystem)) return;
  const standIn = await boot(t, RASPI3B, {});
  assert.match(standIn.console(), /Machine model: Raspberry Pi 3 Model B/);
  await eventually('the app', async () => standIn.console().includes('hello: started'));
  assert.doesNotMatch(standIn.console(), /warning: .*(?:model|module|voltage)/);
  await checkHeader(standIn);
  // QEMU's network by USB loses packets, so that commands are tried again.
  const { bootDisk, model } = await eventually('the status', () => statusOf(standIn), BOOT_LIMIT_MS);
  assert.deepEqual([bootDisk?.kind, bootDisk?.sizeBytes], ['SD card', CARD_BYTES]);
  assert.match(model ?? '', /^Raspberry Pi 3 Model B/);
  await t.test('an update is tried by the flag, on the card', { skip: LONG_VARIANT }, () =>
    isTriedFromCard(standIn),
  );
  await standIn.cutPower();
});

/** After its restart nobody could confirm it from here, by that network. */
async function isTriedFromCard(standIn: StandIn): Promise<void> {
  release('newer');
  await eventually('the update', () => isTried(standIn), BOOT_LIMIT_MS);
  await eventually('the trial to be confirmed', async () => CONFIRMED.test(standIn.console()), BOOT_LIMIT_MS);
  const [[, from] = [], [config, to] = []] = startsOf(standIn);
  assert.deepEqual([standIn.restarts, config, from === to], [1, 'tryboot.txt', false]);
  await standIn.cutPower();
  await startsNextFrom(to!);
}

/** The first app and the kernel's arguments are others. */
function release(word: string): void {
  writeFileSync(join(instance, 'src', 'main.ts'), `${APP_SOURCE}console.log('${word}');\n`);
  writeConfig(instance, { ...CONFIG, kernel: { extraArgs: [`tskrazy.test=${word}`] } });
}

function updateArguments(standIn: StandIn): string[] {
  return ['-i', instance, 'update', '--json', '--host', hostOf(standIn, TLS_PORT)];
}

async function isUpdated(standIn: StandIn): Promise<void> {
  const { code, stdout, stderr } = await runTsk(updateArguments(standIn));
  assert.equal(code, 0, stdout + stderr + standIn.console().slice(-2000));
  const { outcome, mode } = JSON.parse(stdout) as { outcome: string; mode: string };
  assert.deepEqual([outcome, mode], ['confirmed', 'reboot']);
}

/** The answer to what starts the trial may be what is lost. */
async function isTried(standIn: StandIn): Promise<true> {
  if (standIn.restarts === 0) {
    const { code, stdout, stderr } = await runTsk([...updateArguments(standIn), '--no-confirm']);
    assert.ok(code === 0 || standIn.restarts > 0, stdout + stderr + standIn.console().slice(-2000));
  }
  return true;
}

function startsOf({ starts }: StandIn): [config: string, osPrefix: string][] {
  return starts.map(({ configPath, osPrefix }) => [configPath, osPrefix]);
}

async function startsNextFrom(osPrefix: string): Promise<void> {
  const reports = await modelsOf(card);
  assert.deepEqual(
    reports.map(({ start, problems }) => [start?.osPrefix, problems]),
    PI_MODELS.map(() => [osPrefix, []]),
  );
}

async function statusOf(standIn: StandIn): Promise<WebStatus> {
  const args = ['-i', instance, 'status', '--json', '--host', hostOf(standIn, TLS_PORT)];
  const { code, stdout, stderr } = await runTsk(args);
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout) as WebStatus;
}

/** Of the devices that the stand-in has put into the tree (pi-machines.ts). */
async function checkModules(standIn: StandIn): Promise<void> {
  for (const line of [
    /kernel module hci_uart loaded, with ecc, ecdh_generic, bluetooth, btbcm/,
    /kernel module cxd2880_spi loaded, with cxd2880/,
    // Its driver has got the symbol that it asks the kernel for while it starts: by the program that loads by name.
    /cxd2880_spi: .*(?:attach failed|successfully attached)/,
  ])
    await eventually(String(line), async () => line.test(standIn.console()));
  assert.doesNotMatch(standIn.console(), /Unable to find symbol|warning: .*module/);
}

/** The disk tells what it is; there is no firmware to tell of the power supply, and that is no warning. */
async function checkFacts(standIn: StandIn): Promise<void> {
  const { bootDisk, system } = await statusOf(standIn);
  assert.deepEqual(
    [bootDisk?.path, bootDisk?.kind, bootDisk?.name, bootDisk?.sizeBytes],
    ['/dev/nvme0n1', 'NVMe', 'QEMU NVMe Ctrl', CARD_BYTES],
  );
  const ofHardware = system.warnings.filter((text) => /model|voltage|module|errors/.test(text));
  assert.deepEqual([system.power, ofHardware], [null, []]);
}

/** Sandboxed, and by the name that udev gives the adapter of QEMU: from its USB device to the app it is all the Pi's kernel. */
async function checkSerialAdapter(standIn: StandIn): Promise<void> {
  const host = ['--host', hostOf(standIn, TLS_PORT)];
  const { code, stdout, stderr } = await runTsk(['-i', instance, 'start', 'meter', ...host]);
  assert.equal(code, 0, stdout + stderr);
  const opened =
    /user [1-9]\d* has opened \/dev\/serial\/by-id\/usb-QEMU_QEMU_USB_SERIAL_1-0000:00:05\.0-1-if00-port0/;
  await eventually('the app to open its adapter', async () => {
    const log = await runTsk(['-i', instance, 'logs', 'meter', ...host]);
    return opened.test(log.stdout) || Promise.reject(new Error(log.stdout + log.stderr));
  });
}

/** The kernel has a controller for it, though the device trees say that it shall have none. */
async function checkMemoryLimit(standIn: StandIn): Promise<void> {
  const host = ['--host', hostOf(standIn, TLS_PORT)];
  assert.equal((await runTsk(['-i', instance, 'start', 'hungry', ...host])).code, 0);
  await eventually(
    'the app that eats memory to be killed',
    async () => {
      const { services } = await statusOf(standIn);
      return services.some(
        ({ name, reason }) => name === 'hungry' && /more memory than it may/.test(reason ?? ''),
      );
    },
    BOOT_LIMIT_MS,
  );
}

/** The app's log, once it says so. Asked for again and again: what is lost on the way is not the app's fault. */
async function startSaying(standIn: StandIn, app: string, says: RegExp): Promise<string> {
  const host = ['--host', hostOf(standIn, TLS_PORT)];
  const { code, stdout, stderr } = await runTsk(['-i', instance, 'logs', app, '-n', '1000', ...host]);
  if (says.test(stdout)) return stdout;
  const isStarted = code !== 0 || stdout.includes('started as process');
  const start = isStarted ? undefined : await runTsk(['-i', instance, 'start', app, ...host]);
  throw new Error([stdout, stderr, start?.stderr].join(''));
}

/** What apps do with the chip of the header, and with a device that comes and goes while they run. */
async function checkHeader(standIn: StandIn): Promise<void> {
  await eventually('the example', () => startSaying(standIn, 'garden', /blinking/), BOOT_LIMIT_MS);
  const log = await eventually('the wires', () => startSaying(standIn, 'wires', /done$/m), BOOT_LIMIT_MS);
  const said = [...log.matchAll(/^\S+ \S+ +([^:\n]+): (.*)$/gm)];
  const outcomes = Object.fromEntries(said.map(([, what, outcome]) => [what, outcome]));
  const oneOwner = "and a line is one program's at a time";
  const expected = {
    'read back': 'true false true false',
    toggled: 'true true',
    'own line': `Cannot open GPIO22 as an input: "wires" holds it, ${oneOwner}`,
    'line of another': `Cannot open GPIO17 as an output: "garden" holds it, ${oneOwner}`,
    'by the name of the kernel': '0',
    edges: 'function',
    closed: 'Cannot read GPIO22: it is closed',
    again: '22',
    node: '660 0 true true',
    'there before': 'false',
    'plugged in': 'yes',
    'pulled out': 'yes',
  };
  for (const [what, outcome] of Object.entries(expected)) assert.equal(outcomes[what], outcome, what);
  // Of what is configured what is there, and no other chip, disk or memory.
  assert.match(outcomes['devices'] ?? '', /^gpiochip0,(?:i2c-1,)?loop-control,loop2(?:,spidev0\.[01])*$/);
}
