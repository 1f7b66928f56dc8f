import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { BOARDS } from '../../shared/board/boards.ts';
import { configLinesProblem } from '../../shared/boot-loader/config-txt.ts';
import { DEVICE_NAMES, NAMED_DEVICES } from '../../shared/services/device-names.ts';
import { resolveConfig } from '../config/instance-config.ts';
import { parseConfig } from '../config/parse-config.ts';
import { checkBootloaderLines, checkOverlays } from './check-bootloader-lines.ts';
import { type DeviceLines, planDeviceLines, withDeviceLines } from './device-lines.ts';

const PI = BOARDS['raspberry-pi'];

function instanceOf(t: TestContext, devices: readonly string[], more: Record<string, unknown> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-devices-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const configPath = join(directory, 'tskrazy.json');
  const apps = { sensor: { node: './m.ts', sandbox: { devices } }, off: { node: './m.ts', sandbox: 'off' } };
  const text = JSON.stringify({ hostname: 'garden', board: 'raspberry-pi', ...more, apps }, undefined, 2);
  writeFileSync(configPath, text);
  return { configPath, config: resolveConfig(parseConfig(text, configPath), directory) };
}

function linesOf({ added, notes }: DeviceLines): { lines: string[]; notes: readonly string[] } {
  return { lines: added.map(({ text }) => text), notes };
}

test('a named device gets its line of config.txt, which is told, and shows once for all apps', async (t) => {
  const instance = instanceOf(t, ['i2c-1', 'gpio', '/dev/ttyUSB*', 'i2c-1']);
  assert.deepEqual(linesOf(await planDeviceLines(instance, PI)), {
    lines: ['dtparam=i2c_arm=on'],
    notes: ['config.txt: added "dtparam=i2c_arm=on" for device "i2c-1" of app "sensor"'],
  });
});

test('a line of the instance stands, also one that switches the device off or is for one model', async (t) => {
  for (const [device, own] of [
    ['i2c-1', 'dtparam=spi=on,i2c_arm=off'],
    ['i2c-1', ' dtparam = i2c1 '],
    ['i2c-1', 'dtparam=i2c=on,i2c_arm_baudrate=400000'],
    ['spi0', 'dtoverlay=spi0-1cs,cs0_pin=7'],
    ['1-wire', 'dtoverlay=w1-gpio-pullup'],
    ['pwm', 'dtoverlay=pwm,pin=12,func=4'],
    ['audio', 'dtparam=audio=off'],
  ] as const) {
    const instance = instanceOf(t, [device], { bootloaderLines: ['[pi4]', own] });
    assert.deepEqual(linesOf(await planDeviceLines(instance, PI)), {
      lines: [],
      notes: [
        `config.txt: "${own.trim()}" of "bootloaderLines" stands for device "${device}" of app "sensor"`,
      ],
    });
  }
  for (const [device, other] of [
    ['i2c-1', 'dtparam=i2c_vc=on'],
    ['i2c-1', '# dtparam=i2c_arm=on'],
    ['spi0', 'dtparam=i2s=on'],
    ['1-wire', 'dtoverlay=w1-gpiox'],
    ['pwm', 'dtoverlay=pwm-ir-tx'],
  ] as const) {
    const instance = instanceOf(t, [device], { bootloaderLines: [other] });
    assert.equal((await planDeviceLines(instance, PI)).added.length, 1, other);
  }
});

test('lines for devices come before those of the instance, and no parameter of those is for an overlay of ours', async (t) => {
  const bootloaderLines = ['dtparam=pciex1', '[pi5]', 'dtoverlay=disable-bt'];
  const devices = ['1-wire', 'spi0', 'serial0'];
  const instance = instanceOf(t, devices, { bootloaderLines, serialConsole: 'off' });
  const { added } = await planDeviceLines(instance, PI);
  assert.deepEqual(withDeviceLines(added, bootloaderLines), [
    'dtparam=spi=on',
    'dtparam=uart0=on',
    'dtoverlay=w1-gpio',
    'dtoverlay=',
    ...bootloaderLines,
  ]);
  assert.deepEqual(withDeviceLines(added.slice(0, 1), []), ['dtoverlay=w1-gpio']);
  await checkBootloaderLines(instance, PI, added);
});

test('every line of the table is one that config.txt takes, and that counts as the device’s own', () => {
  for (const name of DEVICE_NAMES) {
    const { line } = NAMED_DEVICES[name];
    if (line === undefined) continue;
    assert.equal(configLinesProblem([line.text]), undefined);
    assert.match(line.text, line.isMeantBy);
  }
});

test('a device that the board does not have is refused at its place', async (t) => {
  const instance = instanceOf(t, ['video', 'gpio']);
  await assert.rejects(planDeviceLines(instance, BOARDS['pc-amd64']), {
    name: 'ConfigError',
    message: `Cannot use "${instance.configPath}": it has a mistake

${instance.configPath}:10:11: "apps.sensor.sandbox.devices[1]" is "gpio", which board "pc-amd64" does not have: it is at the header of a Raspberry Pi
              "gpio"
              ^^^^^^`,
  });
  for (const devices of [['video', 'audio', '/dev/gpiochip0'], ['serial0']]) {
    const onPc = instanceOf(t, devices, { serialConsole: 'off' });
    assert.deepEqual(linesOf(await planDeviceLines(onPc, BOARDS['pc-amd64'])), { lines: [], notes: [] });
  }
});

test('the serial port of the console is not an app’s', async (t) => {
  const message =
    /:9:11: "apps\.sensor\.sandbox\.devices\[0\]" is "serial0", where the console is: add "serialConsole": "off", or name another port for it/;
  await assert.rejects(planDeviceLines(instanceOf(t, ['serial0']), PI), { message });
  const fast = instanceOf(t, ['serial0'], { serialConsole: 'serial0,921600' });
  await assert.rejects(planDeviceLines(fast, PI), { name: 'ConfigError' });
  for (const serialConsole of ['off', 'ttyUSB0,115200']) {
    const instance = instanceOf(t, ['serial0'], { serialConsole });
    assert.deepEqual(linesOf(await planDeviceLines(instance, PI)).lines, ['dtparam=uart0=on']);
  }
});

test('what devices need and the instance has must find room in config.txt together', async (t) => {
  const bootloaderLines = ['#'.repeat(98), '#'.repeat(98), '#'.repeat(98), '#'.repeat(98)];
  const instance = instanceOf(t, ['spi0', '1-wire'], { bootloaderLines });
  const { added } = await planDeviceLines(instance, PI);
  await assert.rejects(checkBootloaderLines(instance, PI, added), {
    message:
      /:\d+:3: "bootloaderLines" and what the devices "spi0", "1-wire" of apps need have 440 characters with their ends; config\.txt is one sector and has room for 431/,
  });
});

test('an overlay that a replaced kernel does not bring is missed at the device', async (t) => {
  const instance = instanceOf(t, ['1-wire']);
  const { added } = await planDeviceLines(instance, PI);
  const kernel = { directory: '/none', version: 'v1.2.0', files: [{ path: 'overlays/pwm.dtbo' }] };
  const components = new Map([['kernel', kernel]]) as unknown as Parameters<typeof checkOverlays>[2];
  await assert.rejects(checkOverlays(instance, PI, components, added), {
    message:
      /"apps\.sensor\.sandbox\.devices\[0\]" needs the overlay "w1-gpio", which kernel v1\.2\.0 does not have/,
  });
});
