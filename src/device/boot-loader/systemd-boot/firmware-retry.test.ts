import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootDevice } from '../../../../test/support/init/boot-device.ts';
import { decodeLoadOption, encodeLoadOption } from '../../../formats/efi-load-option.ts';
import type { DiskPartition } from '../../root-disk.ts';
import { EfiVariables, globalVariable, loaderVariable } from './efi-variables.ts';
import { addFirmwareRetry } from './firmware-retry.ts';

const BOOT: DiskPartition = { path: '/dev/vda1', startBytes: 8192 * 512, lengthBytes: 256 * 1024 * 1024 };
const [ORDER, CURRENT] = [globalVariable('BootOrder'), globalVariable('BootCurrent')];

function orderOf(device: BootDevice): number[] {
  const value = device.variable(ORDER) ?? Buffer.alloc(0);
  return [...new Uint16Array(new Uint8Array(value).buffer)];
}

test('addFirmwareRetry: the loader once more, right after the option that has started it', async () => {
  using device = await BootDevice.make();
  const variables = new EfiVariables(device.sys);
  await addFirmwareRetry(variables, BOOT);
  assert.deepEqual(orderOf(device), [0, 1, 0xf0, 2]);
  const option = decodeLoadOption(device.variable(globalVariable('Boot00F0')) ?? Buffer.alloc(0));
  assert.deepEqual(option, {
    attributes: 1,
    description: 'tskrazy retry',
    devicePath: [
      {
        kind: 'gpt-partition',
        number: 1,
        firstSector: 8192n,
        sectorCount: 524288n,
        guid: '60c24cc1-f3f9-427a-8199-3b8f1a2c0001',
      },
      { kind: 'file', path: '\\EFI\\BOOT\\BOOTX64.EFI' },
    ],
    optionalData: new Uint8Array(),
  });
});

test('addFirmwareRetry writes once, and again only when the order has changed', async () => {
  using device = await BootDevice.make();
  const variables = new EfiVariables(device.sys);
  await addFirmwareRetry(variables, BOOT);
  const { log } = device.sys;
  log.length = 0;
  await addFirmwareRetry(variables, BOOT);
  assert.deepEqual(log, []);
  // Somebody has chosen another option in the firmware's menu.
  device.setVariable(CURRENT, Uint8Array.of(0, 0));
  await addFirmwareRetry(variables, BOOT);
  assert.deepEqual(orderOf(device), [0, 0xf0, 1, 2]);
  // The firmware has come to our option.
  device.setVariable(CURRENT, Uint8Array.of(0xf0, 0));
  await addFirmwareRetry(variables, BOOT);
  assert.deepEqual(orderOf(device), [0, 0xf0, 1, 2]);
});

test("addFirmwareRetry leaves other people's options alone", async () => {
  using device = await BootDevice.make();
  const foreign = { attributes: 1, description: 'other', devicePath: [], optionalData: Buffer.alloc(0) };
  const bytes = encodeLoadOption(foreign);
  device.setVariable(globalVariable('Boot00F0'), bytes);
  device.setVariable(globalVariable('Boot00F1'), Uint8Array.of(1, 2, 3));
  await addFirmwareRetry(new EfiVariables(device.sys), BOOT);
  assert.deepEqual(orderOf(device), [0, 1, 0xf2, 2]);
  assert.deepEqual(device.variable(globalVariable('Boot00F0')), Buffer.from(bytes));
});

test('addFirmwareRetry says why it cannot: nothing is written then', async () => {
  using device = await BootDevice.make();
  const variables = new EfiVariables(device.sys);
  device.setVariable(CURRENT, Uint8Array.of(7, 0));
  await assert.rejects(addFirmwareRetry(variables, BOOT), /does not have the option/);
  device.setVariable(CURRENT, Uint8Array.of(1, 0));
  device.removeVariable(loaderVariable('LoaderDevicePartUUID'));
  await assert.rejects(addFirmwareRetry(variables, BOOT), /does not say where it lies/);
  device.removeVariable(ORDER);
  await assert.rejects(addFirmwareRetry(variables, BOOT), /no variable BootOrder/);
  assert.equal(device.variable(globalVariable('Boot00F0')), undefined);
});
