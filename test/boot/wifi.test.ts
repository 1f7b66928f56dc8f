// A card for a Zero 2 W that knows nothing but Wi-Fi, in air that is there: Debian's kernel has radios that only exist in it, and
// Debian's hostapd is the access point (test/support/wifi/). The product is as on a card, but for that kernel.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { BOARDS } from '../../src/shared/board/boards.ts';
import type { WebStatus } from '../../src/shared/api/web-api.ts';
import { APP_SOURCE, makeRoot, writeInstance } from '../support/cli/instances.ts';
import { LONG_VARIANT } from '../support/long-variants.ts';
import { requireTool } from '../support/require-tool.ts';
import { type AccessPoint, type Air, HIDDEN, MIXED, WPA2, WPA3 } from '../support/wifi/access-point.ts';
import { hwsimFiles } from '../support/wifi/hwsim-initramfs.ts';
import { hwsimMachine } from '../support/wifi/hwsim-machine.ts';
import { RadioCard, RadioDevice } from '../support/wifi/radio-device.ts';

const SECRET = 'correct horse';
const HOME: Air = { ssid: 'home', settings: WPA2(SECRET) };
const OPEN_HOME: Air = { ssid: 'home' };
const WRONG_HOME: Air = { ssid: 'home', settings: WPA2('wrong horse') };
const LAB: Air = { ssid: 'lab', settings: WPA3(SECRET) };
const CAFE: Air = { ssid: 'cafe' };
const CELLAR: Air = { ssid: 'cellar', settings: { ...MIXED(SECRET), ...HIDDEN } };

const root = makeRoot('wifi');
const card = new RadioCard(join(root, 'garden'), join(root, 'card.img'));

async function makeCard(): Promise<void> {
  writeInstance(card.instance, 'raspberry-pi', {
    network: { wifi: { country: 'DE', networks: [{ ssid: 'home' }] } },
  });
  await add('home');
  await add('lab', '--wpa3');
  await add('cellar', '--hidden');
  await add('cafe', '--open');
  await card.flash();
}

async function add(ssid: string, ...options: string[]): Promise<void> {
  const { code, stderr } = await card.tsk(['wifi', 'add', ssid, ...options], SECRET);
  assert.equal(code, 0, stderr);
}

test('a card with wifi.json comes up on Wi-Fi alone, says what is wrong, and comes back by itself', async (t) => {
  if (!requireTool(t, BOARDS['raspberry-pi'].qemuSystem) || !requireTool(t, 'dpkg-deb')) return;
  await makeCard();
  const { machine, accessPoint } = hwsimMachine(t, await hwsimFiles());
  const device = await RadioDevice.powerOn(t, card, machine);
  await accessPoint.prepare();
  await accessPoint.start(HOME);
  await device.says(/: connected to "home"/);
  await device.pageAnswers();
  assert.match(device.console(), /Wi-Fi: has taken "wifi\.json" on the boot partition/);
  await checkStatus(device);
  await checkCountry(accessPoint);
  await checkTrials(t, device);

  const steps: [air: Air | null, said: RegExp][] = [
    [null, /: no longer connected to "home"/],
    // Of the name of the owner's, and put up by somebody else.
    [OPEN_HOME, /Wi-Fi network "home" is open: a device that has a password for it does not join it/],
    [HOME, /: connected to "home"/],
    [WRONG_HOME, /Wi-Fi network "home" refuses the password: it is wrong/],
    [LAB, /: connected to "lab"/],
    [CAFE, /: connected to "cafe"/],
    [CELLAR, /: connected to "cellar"/],
  ];
  for (const [air, said] of steps) {
    device.forget();
    const startedMs = performance.now();
    await (air === null ? accessPoint.stop() : accessPoint.start(air));
    await device.says(said);
    if (device.isConnected()) await device.pageAnswers();
    t.diagnostic(`${String(said)} after ${Math.round((performance.now() - startedMs) / 1000)} s`);
    assert.equal(
      device.isConnected(),
      [HOME, LAB, CAFE, CELLAR].includes(air as Air),
      device.console().slice(-3000),
    );
  }
  await checkRoaming(device, accessPoint);
  await t.test('it is updated', { skip: LONG_VARIANT }, () => checkUpdate(device));
});

/** A network of two access points, of which the one that the device has joined goes. */
async function checkRoaming(device: RadioDevice, accessPoint: AccessPoint): Promise<void> {
  await accessPoint.start(CELLAR, 'wlan1');
  device.forget();
  await accessPoint.stop('wlan0');
  await device.says(/: connected to "cellar"/);
  await device.pageAnswers();
}

async function checkStatus(device: RadioDevice): Promise<void> {
  const { code, stdout, stderr } = await device.tsk(['status', '--json']);
  assert.equal(code, 0, stderr);
  const { network } = JSON.parse(stdout) as WebStatus;
  const [radio] = network?.interfaces ?? [];
  assert.deepEqual(network?.wifi, { country: 'DE', problem: null });
  assert.deepEqual(
    radio?.wifi?.networks.map(({ ssid }) => ssid),
    ['home', 'cafe', 'cellar', 'lab'],
  );
  assert.deepEqual([radio?.wifi?.ssid, radio?.problem], ['home', null]);
}

async function checkCountry(accessPoint: AccessPoint): Promise<void> {
  assert.match(await accessPoint.run('iw reg get'), /country DE/);
}

/** On the running device, by Wi-Fi alone: a wrong password costs nothing, and a right one is kept. */
async function checkTrials(t: TestContext, device: RadioDevice): Promise<void> {
  const startedMs = performance.now();
  const wrong = await device.tsk(['-q', 'wifi', 'add', 'home'], 'wrong horse');
  assert.equal(
    wrong.stderr.trim(),
    'Error: Cannot add Wi-Fi "home" to "garden": it refuses the password: it is wrong\n' +
      'Hint: The device is back in the networks that it had.',
    device.console().slice(-3000),
  );
  const right = await device.tsk(['-q', 'wifi', 'add', 'home'], SECRET);
  assert.equal(right.stdout.trim(), 'garden was reached in Wi-Fi "home", and keeps it.', right.stderr);
  assert.doesNotMatch(device.console(), /correct horse|wrong horse/);
  t.diagnostic(
    `a network tried in vain, and one that is kept: ${Math.round((performance.now() - startedMs) / 1000)} s`,
  );
}

/** One line of the app, by Wi-Fi alone, and without a restart. */
async function checkUpdate(device: RadioDevice): Promise<void> {
  device.forget();
  writeFileSync(join(card.instance, 'src', 'main.ts'), `${APP_SOURCE}console.log('by Wi-Fi');\n`);
  const { code, stdout, stderr } = await device.tsk(['update', '--json']);
  assert.equal(code, 0, stdout + stderr + device.console().slice(-3000));
  const { outcome, mode } = JSON.parse(stdout) as { outcome: string; mode: string };
  assert.deepEqual([outcome, mode], ['confirmed', 'live']);
  await device.says(/hello: by Wi-Fi/);
}
