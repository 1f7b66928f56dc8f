// Where a device's Wi-Fi networks come from: what lies on the card, and what /perm has kept.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { readFatFile } from '../../src/formats/fat/read-file.ts';
import { openBlockDevice } from '../../src/device/block-device.ts';
import { provideNetworks } from '../../src/device/init/wifi/provide-networks.ts';
import { tellOfMissingFirmware } from '../../src/device/init/firmware-errors.ts';
import type { DeviceConfig } from '../../src/shared/services/services.ts';
import { WIFI_RUN_PATH, WIFI_STORE_PATH } from '../../src/shared/network/wifi.ts';
import { bootVolume } from '../support/formats/boot-volume.ts';
import {
  bootDevice,
  consoleLines,
  prepareDevice,
  putConfiguration,
  putExt4,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

const PERM = 'init: /perm is on /dev/vda4';
const STARTED = 'init: services started 1234 ms after the kernel';
const SETTINGS = { country: 'DE', networks: [{ ssid: 'home' }, { ssid: 'garden', hidden: true }] };
/** Of "correct horse" for "home", by wpa_passphrase(8). */
const HOME_KEY = 'e28c9aaa2f46266ef5b8db9a65ae4648f5c99d4e5b463ca616482558ccd51628';
const CARD = JSON.stringify({
  country: 'DE',
  networks: [
    { ssid: 'shed', open: true },
    { ssid: 'home', passphrase: 'correct horse' },
    { ssid: 'lab', passphrase: 'correct horse', wpa3: true },
  ],
});

/** `card`: wifi.json on the boot partition. */
async function prepare(
  sys: RecordingSys,
  card: string | Uint8Array | undefined,
  config: Partial<DeviceConfig> = {},
): Promise<void> {
  prepareDevice(sys, { board: 'raspberry-pi', wifi: SETTINGS, ...config });
  putExt4(sys);
  await putCard(sys, card);
}

async function putCard(sys: RecordingSys, card: string | Uint8Array | undefined): Promise<void> {
  const text = typeof card === 'string' ? Buffer.from(card) : card;
  const volume = await bootVolume({ files: text === undefined ? {} : { 'wifi.json': text } });
  sys.overwrite('/dev/vda1', 0, await volume.read(0, volume.sizeBytes));
}

async function cardOf(sys: RecordingSys): Promise<string> {
  using boot = openBlockDevice(sys.path('/dev/vda1'), statSync(sys.path('/dev/vda1')).size, 'r');
  return Buffer.from(await readFatFile(boot, 'wifi.json', 2 ** 21)).toString('latin1');
}

function read(sys: RecordingSys, path: string): { country: string; networks: Record<string, unknown>[] } {
  return JSON.parse(readFileSync(sys.path(path), 'utf8')) as ReturnType<typeof read>;
}

const modeOf = (sys: RecordingSys, path: string): number => statSync(sys.path(path)).mode & 0o777;

test('golden log: networks of the card are taken, and their passphrases are gone from it', async () => {
  using sys = new RecordingSys();
  await prepare(sys, CARD);
  await bootDevice(sys);
  assert.deepEqual(consoleLines(sys), [
    PERM,
    'init: Wi-Fi: has taken "wifi.json" on the boot partition ("shed", "home", "lab")',
    STARTED,
  ]);
  const stored = [
    { ssid: 'shed', open: true },
    { ssid: 'home', psk: HOME_KEY },
    { ssid: 'lab', wpa3: true, passphrase: 'correct horse' },
  ];
  assert.deepEqual(read(sys, WIFI_STORE_PATH), { country: 'DE', networks: stored, imageCountry: 'DE' });
  // What tskrazy.json names comes first; one that it names and nobody has a key for is not there.
  const [shed, home, lab] = stored;
  assert.deepEqual(read(sys, WIFI_RUN_PATH), { country: 'DE', networks: [home, shed, lab] });
  assert.deepEqual([modeOf(sys, WIFI_STORE_PATH), modeOf(sys, WIFI_RUN_PATH)], [0o600, 0o600]);
  const left = await cardOf(sys);
  assert.equal(left.length, CARD.length);
  assert.doesNotMatch(left, /correct|home/);
  // No sector of the partition has it any more.
  assert.ok(!readFileSync(sys.path('/dev/vda1')).includes('correct horse'));
});

test('golden log: a second boot knows the networks by itself, and a card that is written again changes them', async () => {
  using sys = new RecordingSys();
  await prepare(sys, CARD);
  await bootDevice(sys);
  const known = readFileSync(sys.path(WIFI_RUN_PATH), 'utf8');
  sys.file('/dev/console', '');
  await bootDevice(sys);
  assert.equal(readFileSync(sys.path(WIFI_RUN_PATH), 'utf8'), known);
  assert.deepEqual(consoleLines(sys), [PERM, STARTED]);
  sys.file('/dev/console', '');
  const key = 'cd'.repeat(32);
  await putCard(sys, JSON.stringify({ country: 'FR', networks: [{ ssid: 'home', psk: key }] }));
  await bootDevice(sys);
  const { country, networks } = read(sys, WIFI_RUN_PATH);
  assert.deepEqual(
    [country, networks.map(({ ssid }) => ssid), networks[0]?.['psk']],
    ['FR', ['home', 'shed', 'lab'], key],
  );
  assert.deepEqual(consoleLines(sys), [
    PERM,
    'init: Wi-Fi: has taken "wifi.json" on the boot partition ("home")',
    STARTED,
  ]);
});

test('a country that the image names later is the newer word', async () => {
  using sys = new RecordingSys();
  await prepare(sys, JSON.stringify({ country: 'FR', networks: [] }));
  await bootDevice(sys);
  assert.equal(read(sys, WIFI_RUN_PATH).country, 'FR');
  putConfiguration(sys, { wifi: { country: 'GB', networks: [] } }, 'ro');
  await bootDevice(sys);
  assert.equal(read(sys, WIFI_RUN_PATH).country, 'GB');
});

const BAD: [what: string, card: string | Uint8Array, problem: string][] = [
  [
    'half of a file',
    CARD.slice(0, -20),
    'is not JSON, or only a part of it: 3 of its brackets are not closed',
  ],
  ['country missing', '{"networks":[]}', 'has no "country", such as "DE"'],
  [
    'a passphrase of 7',
    CARD.replace('correct horse', 'secret7'),
    'has a passphrase in network "home" that has 7 characters, and 8 to 63 are allowed',
  ],
  ['1 MB', Buffer.alloc(2 ** 20, '{'), 'is larger than the 16384 bytes that are allowed'],
  [
    'another encoding',
    Buffer.from('{"country":"DE","networks":[{"ssid":"caf\xe9"}]}', 'latin1'),
    'is not in UTF-8',
  ],
];
for (const [what, card, problem] of BAD)
  test(`golden log: ${what} on the card is said, and left alone`, async () => {
    using sys = new RecordingSys();
    await prepare(sys, card);
    const { device } = await bootDevice(sys);
    const warning = `"wifi.json" on the boot partition ${problem}: it is left as it is`;
    assert.deepEqual(consoleLines(sys), [PERM, `init: warning: ${warning}`, STARTED]);
    assert.deepEqual(device.status().warnings, [warning]);
    assert.equal(await cardOf(sys), Buffer.from(card).toString('latin1'));
    assert.ok(!existsSync(sys.path(WIFI_STORE_PATH)));
    // net goes on, with what there is.
    assert.deepEqual(read(sys, WIFI_RUN_PATH), { country: 'DE', networks: [] });
  });

test('a byte order mark is passed over', async () => {
  using sys = new RecordingSys();
  await prepare(sys, `\u{feff}${CARD}`);
  await bootDevice(sys);
  assert.equal(read(sys, WIFI_STORE_PATH).networks.length, 3);
});

async function refuse(): Promise<never> {
  throw Object.assign(new Error('EROFS: read-only file system, open'), { code: 'EROFS' });
}

test('golden log: a card that is read-only is used, and said to tell its passphrases', async () => {
  using sys = new RecordingSys();
  await prepare(sys, undefined);
  const { device } = await bootDevice(sys);
  await putCard(sys, CARD);
  await provideNetworks(device, refuse);
  assert.deepEqual(consoleLines(sys).slice(2), [
    'init: warning: Cannot overwrite the passwords in "wifi.json" on the boot partition: EROFS: read-only file system, open',
  ]);
  assert.equal(read(sys, WIFI_RUN_PATH).networks.length, 3);
});

test('golden log: without a /perm the networks of the card are used and stay there', async () => {
  using sys = new RecordingSys();
  await prepare(sys, CARD);
  sys.overwrite('/dev/vda4', 1024, Buffer.alloc(1024, 'x'));
  await bootDevice(sys);
  assert.ok(
    consoleLines(sys).includes(
      'init: Wi-Fi: uses "wifi.json" on the boot partition ("shed", "home", "lab"), and leaves it there: /perm keeps nothing',
    ),
  );
  assert.equal(await cardOf(sys), CARD);
  assert.equal(read(sys, WIFI_RUN_PATH).networks.length, 3);
});

test('what a dying disk has made of the networks costs neither the boot nor those of the card', async () => {
  using sys = new RecordingSys();
  await prepare(sys, CARD);
  mkdirSync(sys.path('/perm/wifi'), { recursive: true });
  sys.file(WIFI_STORE_PATH, '{"country":"DE","netw');
  const { device } = await bootDevice(sys);
  assert.match(device.status().warnings.join(), /^Cannot read the Wi-Fi networks of \/perm: /);
  assert.equal(read(sys, WIFI_RUN_PATH).networks.length, 3);
});

test('a boot partition that is damaged is said, and the known networks are used', async () => {
  using sys = new RecordingSys();
  await prepare(sys, CARD);
  await bootDevice(sys);
  sys.overwrite('/dev/vda1', 0, Buffer.alloc(512));
  const { device } = await bootDevice(sys);
  assert.match(device.status().warnings.join(), /^Cannot look for "wifi.json" on the boot partition: /);
  assert.equal(read(sys, WIFI_RUN_PATH).networks.length, 3);
});

test('an image without Wi-Fi looks for no card', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys);
  await putCard(sys, CARD);
  await bootDevice(sys);
  assert.equal(await cardOf(sys), CARD);
  assert.ok(!existsSync(sys.path(WIFI_RUN_PATH)));
});

const KERNEL = (file: string): string =>
  `3,812,4711000,-;brcmfmac mmc1:0001:1: Direct firmware load for ${file} failed with error -2\n`;
const B0 = 'brcm/brcmfmac43430b0-sdio';

test('golden log: a radio for which the image has no firmware', async () => {
  using sys = new RecordingSys();
  await prepare(sys, undefined);
  sys.file('/dev/kmsg', KERNEL(`${B0}.bin`));
  const { device } = await bootDevice(sys);
  const warning =
    'Wi-Fi has no firmware: the radio asks for "brcm/brcmfmac43430b0-sdio.bin", or the one of its model, and the image ' +
    'has neither ("components.wifi-firmware" can bring it)';
  assert.deepEqual(consoleLines(sys), [PERM, STARTED, `init: warning: ${warning}`]);
  assert.deepEqual(device.status().warnings, [warning]);
});

test('a file of the model that is not there, or one that a radio can do without, is no missing firmware', () => {
  const warnings: string[] = [];
  const hear = tellOfMissingFirmware((text) => void warnings.push(text));
  for (const file of [`${B0}.raspberrypi,model-zero-2-w.bin`, `${B0}.clm_blob`, 'rtl_nic/rtl8153a-2.fw'])
    hear({ seq: 0, timeMs: 0, stream: 'stderr', text: KERNEL(file) });
  assert.deepEqual(warnings, []);
});
