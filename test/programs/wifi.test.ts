// `tsk wifi` as a person uses it, with all that can be wrong.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { loadDirectory } from '../../src/host/components/component-override.ts';
import { openInstance } from '../../src/host/config/instance.ts';
import { BOARDS } from '../../src/shared/board/boards.ts';
import { cardFileOf, wifiWarnings } from '../../src/host/config/wifi-keys.ts';
import type { WifiNetwork } from '../../src/shared/network/wifi-file.ts';
import { eventually } from '../support/machines/appliance.ts';
import type { FakeWifi } from '../support/web/fake-wifi.ts';
import { startWebDevice, TEST_PASSWORD, type WebDevice } from '../support/web/web-device.ts';
import { makeRoot, runTsk, writeConfig, writeInstance } from '../support/cli/instances.ts';

const root = makeRoot('wifi-cli');
const SECRET = 'correct horse';
const WIFI = { network: { wifi: { country: 'DE' } } };

async function wifi(
  instance: string,
  args: readonly string[],
  input = SECRET,
  before: readonly string[] = [],
): Promise<string> {
  const { stdout, stderr } = await runTsk([...before, '-i', instance, 'wifi', ...args], { input });
  assert.ok(!(stdout + stderr).includes(SECRET));
  return (stdout + stderr).trim();
}

const keysOf = (instance: string): string => readFileSync(join(instance, '.tskrazy', 'wifi.json'), 'utf8');

test('networks are added with their keys, listed, and removed', async () => {
  const instance = writeInstance(join(root, 'all'), 'raspberry-pi');
  assert.match(
    await wifi(instance, ['add', 'home', '--country', 'DE']),
    /^Added Wi-Fi "home"\. A disk that is written from here has it: "tsk flash"\.$/,
  );
  const config = readFileSync(join(instance, 'tskrazy.json'), 'utf8');
  assert.match(config, /"network": \{ "wifi": \{ "country": "DE" \} \}/);
  await wifi(instance, ['add', 'lab', '--wpa3'], `${SECRET}\n`);
  await wifi(instance, ['add', 'guests', '--open', '--hidden']);
  assert.equal(await wifi(instance, ['list']), 'guests  open  hidden\nlab     wpa3\nhome    wpa2');
  assert.equal(statSync(join(instance, '.tskrazy', 'wifi.json')).mode & 0o777, 0o600);
  // Only WPA3 needs the passphrase itself.
  assert.equal(keysOf(instance).split(SECRET).length, 2);
  const card = JSON.parse(Buffer.from((await cardFileOf(await openInstance(instance))) ?? []).toString()) as {
    country: string;
    networks: { ssid: string }[];
  };
  assert.deepEqual([card.country, card.networks.map(({ ssid }) => ssid)], ['DE', ['guests', 'lab', 'home']]);
  assert.match(await wifi(instance, ['remove', 'lab']), /^Removed Wi-Fi "lab" here/);
  assert.ok(!keysOf(instance).includes(SECRET));
});

test('what is wrong with a network is said before anything is kept', async () => {
  const instance = writeInstance(join(root, 'wrong'), 'raspberry-pi', WIFI);
  const cases: [args: readonly string[], input: string, says: string | RegExp][] = [
    [
      ['add', 'a'],
      'secret7',
      'Error: Cannot add Wi-Fi "a": the passphrase has 7 characters, and 8 to 63 are allowed',
    ],
    [
      ['add', 'a'],
      'x'.repeat(64),
      'Error: Cannot add Wi-Fi "a": the passphrase has 64 characters, and 8 to 63 are allowed',
    ],
    [['add', 'a'], 'two\nlines of it', 'Error: Cannot add Wi-Fi "a": the passphrase has a control character'],
    [
      ['add', 'x'.repeat(33)],
      SECRET,
      `Error: Cannot add Wi-Fi "${'x'.repeat(33)}": its name has 33 bytes, and 32 are allowed`,
    ],
    [['add', ''], SECRET, 'Error: Cannot add Wi-Fi "": its name is empty'],
    [
      ['add', 'a', '--open', '--wpa3'],
      '',
      'Error: Cannot add Wi-Fi "a": an open network has no WPA3\nHint: Leave out --open or --wpa3.',
    ],
    [['add', 'my', 'home'], '', /Cannot take the passphrase of Wi-Fi "my" as an argument[^]*quotes/],
    [
      ['add', 'a', '--country', 'FR'],
      SECRET,
      /Cannot use "FR" as country: network\.wifi\.country of tskrazy\.json is "DE"/,
    ],
    [
      ['add', 'a', '--country', 'France'],
      SECRET,
      /Cannot use "France" as country: it must be two capital letters/,
    ],
    [['remove', 'a'], '', /Cannot remove Wi-Fi "a": there is no key of it here/],
    [['remove', 'a', '--even-joined'], '', /Cannot use --even-joined: only a running device is in a network/],
  ];
  for (const [args, input, says] of cases) {
    const said = await wifi(instance, args, input);
    if (typeof says === 'string') assert.equal(said, says);
    else assert.match(said, says);
  }
  assert.throws(() => keysOf(instance), { code: 'ENOENT' });
});

test('an instance without Wi-Fi asks for the country, and is left as it is without one', async () => {
  const instance = writeInstance(join(root, 'country'), 'raspberry-pi');
  const before = readFileSync(join(instance, 'tskrazy.json'), 'utf8');
  assert.match(
    await wifi(instance, ['add', 'home']),
    /^Error: Cannot add Wi-Fi to "garden": it does not say which country it is in\nHint: .*--country DE/,
  );
  await wifi(instance, ['add', 'home', '--country', 'DE'], 'short');
  assert.equal(readFileSync(join(instance, 'tskrazy.json'), 'utf8'), before);
});

test('who writes a disk hears of keys that are not here, and of a file that is damaged', async () => {
  const instance = writeInstance(join(root, 'warnings'), 'raspberry-pi', WIFI);
  const warnings = async (): Promise<string[]> => wifiWarnings(await openInstance(instance));
  assert.match((await warnings()).join(), /^the device knows no Wi-Fi network: "tsk wifi add SSID"/);
  writeConfig(instance, {
    board: 'raspberry-pi',
    network: { wifi: { country: 'DE', networks: [{ ssid: 'home' }, { ssid: 'lab' }] } },
  });
  await wifi(instance, ['add', 'home']);
  assert.deepEqual(await warnings(), ['no key here for Wi-Fi "lab": "tsk wifi add SSID"']);
  assert.match(await wifi(instance, ['list']), /home +wpa2\nlab +.*no key here/);
  writeConfig(instance, { board: 'raspberry-pi' });
  assert.match((await warnings()).join(), /^the instance has keys of Wi-Fi networks, and no Wi-Fi/);
  assert.equal(await cardFileOf(await openInstance(instance)), undefined);
  writeFileSync(
    join(instance, '.tskrazy', 'wifi.json'),
    `{ "networks": [{ "ssid": "a", "psk": "${SECRET}" }]`,
  );
  assert.match(
    await wifi(instance, ['list']),
    /^Error: Cannot use ".*wifi\.json": it is not JSON\nHint: Correct it/,
  );
});

test('a directory without firmware for a radio of the board is refused', async () => {
  const directory = join(root, 'other-chip');
  mkdirSync(join(directory, 'lib', 'firmware', 'brcm'), { recursive: true });
  writeFileSync(join(directory, 'lib', 'firmware', 'brcm', 'brcmfmac4356-sdio.bin'), 'of another chip');
  await assert.rejects(loadDirectory('wifi-firmware', directory, BOARDS['raspberry-pi']), {
    name: 'UserError',
    message:
      `Cannot use "${directory}" as component wifi-firmware: it has no program for a radio of the board, such as ` +
      '"lib/firmware/brcm/brcmfmac43430-sdio.bin"',
  });
  // What radios a PC has, nobody knows.
  await loadDirectory('wifi-firmware', directory, BOARDS['pc-amd64']);
  const own = 'brcmfmac43430b0-sdio.raspberrypi,model-zero-2-w.bin';
  writeFileSync(join(directory, 'lib', 'firmware', 'brcm', own), 'of a Zero 2 W');
  await loadDirectory('wifi-firmware', directory, BOARDS['raspberry-pi']);
});

class RunningDevice {
  readonly device: WebDevice;
  readonly #instance: string;

  private constructor(device: WebDevice, instance: string) {
    this.device = device;
    this.#instance = instance;
  }

  static async start(t: TestContext, networks: readonly WifiNetwork[] | undefined): Promise<RunningDevice> {
    const device = await startWebDevice(networks === undefined ? {} : { wifi: networks });
    t.after(() => device.close());
    const instance = writeInstance(join(root, `device-${device.port}`), 'pc-amd64', {
      ...WIFI,
      web: { tls: 'off' },
    });
    mkdirSync(join(instance, '.tskrazy'));
    writeFileSync(join(instance, '.tskrazy', 'password'), `${TEST_PASSWORD}\n`);
    return new RunningDevice(device, instance);
  }

  get wifi(): FakeWifi {
    assert.ok(this.device.init.wifi);
    return this.device.init.wifi;
  }

  tsk(...args: string[]): Promise<string> {
    return wifi(this.#instance, [...args, '--host', this.device.url], SECRET, ['-q']);
  }

  /** While the command runs. */
  async whenTried(act: () => void): Promise<void> {
    await eventually('the trial', async () => this.wifi.changes.trials().trial !== null);
    act();
  }

  /** Nothing of what it is for devices is for the instance. */
  checkInstance(): void {
    assert.throws(() => keysOf(this.#instance), { code: 'ENOENT' });
  }
}

const HOME: WifiNetwork = { ssid: 'home', psk: 'ab'.repeat(32) };

test('a running device tries a network that is added, hears that it is reached, and lists and removes it', async (t) => {
  const garden = await RunningDevice.start(t, [HOME]);
  const added = garden.tsk('add', 'lab', '--wpa3');
  await garden.whenTried(() => garden.wifi.joinTried());
  assert.equal(await added, 'garden was reached in Wi-Fi "lab", and keeps it.');
  assert.equal(
    await garden.tsk('list'),
    'lab   wpa3    joined\nhome  wpa2\nWi-Fi network "lab" was tried, and is kept.',
  );
  assert.equal(
    await garden.tsk('remove', 'lab'),
    'Error: Cannot remove Wi-Fi "lab": the device is in the network "lab" now\n' +
      'Hint: With --even-joined it is removed all the same: the device may not be reached any more then.',
  );
  assert.equal(await garden.tsk('remove', 'lab', '--even-joined'), 'garden has forgotten Wi-Fi "lab".');
  assert.match(
    await garden.tsk('remove', 'hom'),
    /^Error: Cannot remove Wi-Fi "hom": .*\nHint: Did you mean home\?$/,
  );
  // Of a passphrase only its key is sent and kept, but for WPA3.
  const second = garden.tsk('add', 'home');
  await garden.whenTried(() => garden.wifi.joinTried());
  await second;
  assert.match(JSON.stringify(garden.wifi.handed()), /"psk":"(?!abab)[0-9a-f]{64}"/);
  garden.checkInstance();
});

test('a network that is tried in vain is said with its reason, and the device has those of before', async (t) => {
  const garden = await RunningDevice.start(t, [HOME]);
  const added = garden.tsk('add', 'lab');
  await garden.whenTried(() => garden.wifi.failTried('refuses the password: it is wrong'));
  assert.equal(
    await added,
    'Error: Cannot add Wi-Fi "lab" to "garden": it refuses the password: it is wrong\n' +
      'Hint: The device is back in the networks that it had.',
  );
  assert.deepEqual(garden.wifi.handed(), { country: 'DE', networks: [HOME] });
  assert.deepEqual(garden.wifi.said, [
    'Wi-Fi: tries "lab"',
    'Wi-Fi: goes back from "lab": it refuses the password: it is wrong',
  ]);
  assert.equal(await garden.tsk('add', 'far', '--no-try'), 'garden knows Wi-Fi "far" from now on.');
});

test('what a running device cannot do with a network is said', async (t) => {
  const garden = await RunningDevice.start(t, undefined);
  assert.match(await garden.tsk('list'), /^Error: Cannot read the Wi-Fi networks: this image has no Wi-Fi/);
  assert.match(
    await garden.tsk('add', 'a', '--country', 'FR'),
    /^Error: Cannot change the country of a running device: it is that of its image\nHint: /,
  );
  const instance = writeInstance(join(root, 'no-device'), 'raspberry-pi', WIFI);
  assert.match(await wifi(instance, ['add', 'a', '--no-try']), /^Error: Cannot use --no-try: /);
});
