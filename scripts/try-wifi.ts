// node scripts/try-wifi.ts: a device on Wi-Fi alone, the long way. Its password is wrong first and is put right on the card, and so
// is the signature of its regulatory database, which an update puts right by a restart, over Wi-Fi; then an update comes whose app
// does not run, and is rolled back, over Wi-Fi. In a machine as in test/boot/wifi.test.ts, with some six starts of it; prints how
// long each step took. Exit code 1 where one fails.

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultCacheDirectory } from '../src/host/cache-directory.ts';
import { loadComponents } from '../src/host/components/load-components.ts';
import { readLockFile } from '../src/host/components/lock-file.ts';
import { silentProgress } from '../src/host/progress.ts';
import { BOARDS } from '../src/shared/board/boards.ts';
import { APP_SOURCE, makeRoot, writeConfig, writeInstance } from '../test/support/cli/instances.ts';
import { ScriptContext } from '../test/support/script-context.ts';
import { type Air, WPA2 } from '../test/support/wifi/access-point.ts';
import { hwsimFiles } from '../test/support/wifi/hwsim-initramfs.ts';
import { hwsimMachine } from '../test/support/wifi/hwsim-machine.ts';
import { RadioCard, RadioDevice } from '../test/support/wifi/radio-device.ts';
import { parseOptions } from './parse-options.ts';

parseOptions({}, 'node scripts/try-wifi.ts');

const SECRET = 'correct horse';
const HOME: Air = { ssid: 'home', settings: WPA2(SECRET) };
const UNSIGNED =
  /the kernel does not take the regulatory database: it is not signed by a key that the kernel knows/;
const WRONG = /Wi-Fi network "home" refuses the password: it is wrong/;

const context = new ScriptContext((text) => console.log(text));
const root = makeRoot('try-wifi');
const card = new RadioCard(join(root, 'garden'), join(root, 'card.img'));
const source = (text: string): void => writeFileSync(join(card.instance, 'src', 'main.ts'), text);

async function step(what: string, act: () => Promise<unknown>): Promise<void> {
  const startedMs = performance.now();
  await act();
  console.log(`${what}: ${Math.round((performance.now() - startedMs) / 1000)} s`);
}

async function tsk(args: readonly string[], input = ''): Promise<void> {
  const { code, stdout, stderr } = await card.tsk(args, input);
  if (code !== 0) throw new Error(stdout + stderr);
}

/** `text`: what the app is from now on. */
async function update(device: RadioDevice, text: string, wanted: string): Promise<void> {
  source(text);
  const { stdout, stderr } = await device.tsk(['update', '--json', '--force-reboot']);
  const { outcome } = JSON.parse(stdout || '{}') as { outcome?: string };
  if (outcome !== wanted)
    throw new Error(
      `${stdout}${stderr}\nThe update is ${outcome}, not ${wanted}\n${device.console().slice(-4000)}`,
    );
}

/** The component, but for a bit of its signature. */
async function writeUnsignedDatabase(directory: string): Promise<void> {
  await tsk(['get']);
  const lock = await readLockFile(join(card.instance, 'tskrazy.lock.json'));
  if (lock === undefined) throw new Error('tsk get has written no lock');
  const board = BOARDS['raspberry-pi'];
  const name = 'wireless-regdb';
  const cacheDirectory = defaultCacheDirectory();
  const options = {
    board,
    lock,
    cacheDirectory,
    offline: false,
    report: silentProgress,
    names: [name],
  } as const;
  cpSync((await loadComponents(options)).get(name)?.directory ?? '', directory, { recursive: true });
  const path = join(directory, 'lib/firmware/regulatory.db.p7s');
  const signature = readFileSync(path);
  signature[signature.length - 1]! ^= 1;
  rmSync(path);
  writeFileSync(path, signature);
}

/** `tsk wifi add` has written to it, too. */
function leaveOutComponents(): void {
  const path = join(card.instance, 'tskrazy.json');
  const { components: _components, ...config } = JSON.parse(readFileSync(path, 'utf8')) as Record<
    string,
    unknown
  >;
  writeFileSync(path, JSON.stringify(config));
}

/** Memory, user and capabilities of the program, and the switches of radios that it may open. */
async function describeSupplicant(device: RadioDevice): Promise<void> {
  const look = [
    'cd /proc/$(pidof wpa_supplicant)',
    'grep -e ^Pss: -e ^Private_Dirty: smaps_rollup',
    'grep -e ^Uid: -e ^CapEff: -e ^Seccomp: -e ^NoNewPrivs: status',
    'ls -l root/dev/rfkill /dev/rfkill',
  ];
  const { stdout, stderr } = await device.tsk(['ssh', look.join('; ')]);
  if (!stdout.includes('Pss:')) throw new Error(stdout + stderr);
  console.log(stdout.trim().replace(/^/gm, '  '));
}

try {
  const config = { board: 'raspberry-pi', network: { wifi: { country: 'DE' } } };
  writeInstance(card.instance, 'raspberry-pi', config);
  await writeUnsignedDatabase(join(card.instance, 'regdb'));
  const components = { 'wireless-regdb': { directory: './regdb' } };
  writeConfig(card.instance, { ...config, components });
  await tsk(['wifi', 'add', 'home'], 'wrong horse');
  await step('card written', () => card.flash());
  const files = await hwsimFiles();
  const first = hwsimMachine(context, files);
  const wrong = await RadioDevice.powerOn(context, card, first.machine);
  await step('wrong password said', async () => {
    await first.accessPoint.prepare();
    await first.accessPoint.start(HOME);
    await wrong.says(WRONG);
  });
  await step('wrong signature of the regulatory database said', () => wrong.says(UNSIGNED));
  await wrong.cutPower();
  leaveOutComponents();
  card.writeWifiFile({ country: 'DE', networks: [{ ssid: 'home', passphrase: SECRET }] });

  const wired = await RadioDevice.powerOn(context, card, hwsimMachine(context, files).machine, [
    'hwsim.cable',
  ]);
  await step('page by the cable that the machine has instead, from power on', () => wired.pageAnswers());
  await wired.cutPower();

  const second = hwsimMachine(context, files);
  const device = await RadioDevice.powerOn(context, card, second.machine);
  const isOver = new AbortController();
  const air = device.keepAir(second.accessPoint, HOME, isOver.signal);
  air.catch((error: unknown) => console.log(`The access point: ${String(error)}`));
  await step('page by Wi-Fi, with the right password of the card, from power on', async () => {
    await device.says(/: connected to "home"/);
    await device.pageAnswers();
  });
  await step('updated by a restart, over Wi-Fi', async () => {
    device.forget();
    await update(device, `${APP_SOURCE}console.log('by Wi-Fi');\n`, 'confirmed');
    await device.says(/hello: by Wi-Fi/);
  });
  await step('rolled back, over Wi-Fi', () =>
    update(device, `throw new Error('It does not run');\n`, 'rolled back'),
  );
  await device.pageAnswers();
  await step('the supplicant, as root of the device sees it', () => describeSupplicant(device));
  console.log(`all is well after ${device.restarts} restarts`);
  isOver.abort();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await context.end();
}
