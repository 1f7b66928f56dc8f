import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { BootDevice, type BootDeviceOptions } from '../../../../test/support/init/boot-device.ts';
import { BOARDS } from '../../../shared/board/boards.ts';
import { formatLoaderConf } from '../../../shared/boot-loader/loader-entry.ts';
import type { BootSwitch } from '../boot-switch.ts';
import { loaderVariable, ownVariable } from './efi-variables.ts';
import { openBootSwitch } from '../../init/update/open-boot-switch.ts';

const ONE_SHOT = loaderVariable('LoaderEntryOneShot');
const DEFAULT = loaderVariable('LoaderEntryDefault');
const CANARY = ownVariable('TrialTrace');
const KERNEL_OF_B = { 'b/vmlinuz': 'kernel of b' };

function opened(device: BootDevice, said: string[] = []): Promise<BootSwitch> {
  return openBootSwitch(device.sys, BOARDS['pc-amd64'].boot, (text) => said.push(text));
}

async function deviceWith(options: BootDeviceOptions = {}): Promise<BootDevice> {
  return BootDevice.make({ files: KERNEL_OF_B, ...options });
}

test('committed and commit: one letter of loader.conf, checked on the medium', async () => {
  using device = await deviceWith();
  const before = readFileSync(device.sys.path('/dev/vda1'));
  assert.equal(await (await opened(device)).committed(), 'a');
  await (await opened(device)).commit('b');
  assert.equal(await (await opened(device)).committed(), 'b');
  const after = readFileSync(device.sys.path('/dev/vda1'));
  const changed = [...before.keys()].filter((at) => before[at] !== after[at]);
  assert.equal(changed.length, 1);
  assert.deepEqual(device.sys.log, ['drop cache of /dev/vda1']);
  await (await opened(device)).commit('b');
  assert.deepEqual(readFileSync(device.sys.path('/dev/vda1')), after);
});

test('commit keeps what somebody wrote into loader.conf, and removes the variable that would win over it', async () => {
  using device = await deviceWith({
    files: { 'loader/loader.conf': `# caf\u00e9\n${formatLoaderConf('a')}timeout 3\n` },
  });
  const bootSwitch = await opened(device);
  device.setVariable(DEFAULT, Buffer.from('a.conf\0', 'utf16le'));
  await bootSwitch.commit('b');
  assert.equal(await device.committedOnDisk(), 'b');
  assert.equal(device.variable(DEFAULT), undefined);
});

test('openBootSwitch removes the variable that would win over loader.conf, or says why it cannot', async () => {
  using device = await deviceWith();
  const said: string[] = [];
  device.setVariable(DEFAULT, Buffer.from('b.conf\0', 'utf16le'));
  await opened(device, said);
  assert.equal(device.variable(DEFAULT), undefined);
  mkdirSync(device.sys.path(`/sys/firmware/efi/efivars/${DEFAULT}`));
  assert.equal(await (await opened(device, said)).committed(), 'a');
  assert.match(said.join('\n'), /^Cannot remove the variable "LoaderEntryDefault": E/);
});

test('committed refuses a loader.conf that names no slot', async () => {
  using device = await deviceWith({ files: { 'loader/loader.conf': 'timeout 3\n' } });
  await assert.rejects((await opened(device)).committed(), /names no slot/);
  await assert.rejects((await opened(device)).commit('b'), /names no slot/);
});

test('a trial by variable: the slot starts once, and the trace says so', async () => {
  using device = await deviceWith();
  const bootSwitch = await opened(device);
  assert.equal(bootSwitch.trialStart, 'efi-variable');
  assert.equal(await bootSwitch.takeTrace(), null);
  await bootSwitch.armTrial('b');
  await bootSwitch.restartIntoTrial();
  assert.equal(device.sys.log.at(-1), 'power restart');
  assert.equal(device.variable(ONE_SHOT)?.toString('utf16le'), 'b.conf\0');
  assert.deepEqual([await device.start(), await (await opened(device)).takeTrace()], ['b', 'kept']);
  assert.deepEqual([await device.start(), await (await opened(device)).takeTrace()], ['a', null]);
});

test('a trial may be armed again and again, and disarmed', async () => {
  using device = await deviceWith();
  const bootSwitch = await opened(device);
  await bootSwitch.armTrial('b');
  await bootSwitch.armTrial('b');
  await bootSwitch.armTrial('a');
  assert.equal(device.variable(ONE_SHOT)?.toString('utf16le'), 'a.conf\0');
  await bootSwitch.disarm();
  assert.equal(device.variable(ONE_SHOT), undefined);
  // A variable's file is protected from the moment that it is made: before it is written again, and before it goes.
  const unprotected = device.sys.log.filter((line) => line.includes(ONE_SHOT));
  assert.equal(unprotected.length, 2);
  await assert.rejects(bootSwitch.restartIntoTrial(), /No trial/);
  assert.deepEqual([await device.start(), await (await opened(device)).takeTrace()], ['a', null]);
});

test('a firmware that forgets is found out, and kexec used until it keeps variables again', async () => {
  using device = await deviceWith();
  await (await opened(device)).armTrial('b');
  // All that was not there from the start is gone.
  for (const id of [ONE_SHOT, CANARY]) device.removeVariable(id);
  assert.equal(await device.start(), 'a');
  const bootSwitch = await opened(device);
  assert.equal(await bootSwitch.takeTrace(), 'lost');
  assert.equal(bootSwitch.trialStart, 'kexec');
  await bootSwitch.armTrial('b');
  assert.equal(device.variable(ONE_SHOT), undefined);
  // The trial by kexec says nothing about the firmware, whose memory it does not touch.
  device.sys.file('/proc/cmdline', 'tskrazy.start=kexec ro\n');
  assert.equal(await (await opened(device)).takeTrace(), 'kept');
  assert.equal((await opened(device)).trialStart, 'kexec');
  // Still forgets.
  device.sys.file('/proc/cmdline', 'ro\n');
  device.removeVariable(CANARY);
  assert.equal(await (await opened(device)).takeTrace(), null);
  assert.equal((await opened(device)).trialStart, 'kexec');
  // Now it has kept the variable.
  assert.equal(await (await opened(device)).takeTrace(), null);
  assert.equal((await opened(device)).trialStart, 'efi-variable');
});

test('a power cut before the trial is noted is no proof against the firmware', async () => {
  using device = await deviceWith();
  const said: string[] = [];
  rmSync(device.sys.path('/perm/tskrazy'), { recursive: true });
  await (await opened(device, said)).armTrial('b');
  assert.match(said.join('\n'), /Cannot note in \/perm/);
  mkdirSync(device.sys.path('/perm/tskrazy'));
  assert.deepEqual([await device.start(), await (await opened(device)).takeTrace()], ['b', null]);
  assert.equal((await opened(device)).trialStart, 'efi-variable');
});

test('a start on trial that is still asked for when the device has started is taken back', async () => {
  using device = await deviceWith();
  await (await opened(device)).armTrial('b');
  // Somebody has started slot a in another way than through the loader.
  await opened(device);
  assert.equal(device.variable(ONE_SHOT), undefined);
  assert.equal(await device.start(), 'a');
});

test('variables that cannot be written: kexec at once, and it is said why', async () => {
  using device = await deviceWith();
  const said: string[] = [];
  const bootSwitch = await opened(device, said);
  // A directory where the variable's file would be: root may write everything else.
  mkdirSync(device.sys.path(`/sys/firmware/efi/efivars/${ONE_SHOT}`));
  await bootSwitch.armTrial('b');
  assert.equal(bootSwitch.trialStart, 'kexec');
  assert.match(said.join('\n'), /takes no variables, so the trial will start by kexec: EISDIR/);
  assert.match(device.sys.log.at(-1) ?? '', /^load kernel/);
});

test('a trial by kexec: the kernel and the command line of the slot, and a mark', async () => {
  let kernel = '';
  using device = await deviceWith({
    efiVariables: false,
    kernelArgs: ['ro', 'quiet'],
    answers: {
      loadKernel({ device, extents }) {
        const disk = readFileSync(device);
        kernel = extents
          .map(({ offsetBytes, lengthBytes }) =>
            disk.toString('utf8', offsetBytes, offsetBytes + lengthBytes),
          )
          .join('');
      },
    },
  });
  const bootSwitch = await opened(device);
  assert.equal(bootSwitch.trialStart, 'kexec');
  await bootSwitch.armTrial('b');
  assert.equal(kernel, 'kernel of b');
  await bootSwitch.restartIntoTrial();
  const cmdline = 'tskrazy.start=kexec root=PARTUUID=guid-of-b tskrazy.slot=b ro quiet';
  assert.deepEqual(device.sys.log, [`load kernel from /dev/vda1: ${cmdline}`, 'power kexec']);
  assert.equal(await (await opened(device)).takeTrace(), 'kept');
  await bootSwitch.disarm();
  assert.equal(device.sys.log.at(-1), 'unload kernel');
});

test('a slot without a kernel, and a kernel that is refused, are not armed', async () => {
  using empty = await BootDevice.make({ efiVariables: false });
  await assert.rejects((await opened(empty)).armTrial('b'), /"b\/vmlinuz"/);
  using refusing = await deviceWith({
    efiVariables: false,
    answers: {
      loadKernel() {
        throw new Error('ENOEXEC: kexec_file_load failed');
      },
    },
  });
  const bootSwitch = await opened(refusing);
  await assert.rejects(bootSwitch.armTrial('b'), /ENOEXEC/);
  await assert.rejects(bootSwitch.restartIntoTrial(), /No trial/);
});

test('a device without variables and without kexec has no way to try a slot', async () => {
  using device = await deviceWith({ efiVariables: false, kexec: false });
  assert.equal((await opened(device)).trialStart, null);
  await assert.rejects((await opened(device)).armTrial('b'), /no way/);
  assert.equal(await (await opened(device)).committed(), 'a');
});
