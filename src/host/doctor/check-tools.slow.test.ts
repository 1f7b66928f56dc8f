import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTools, isOlder } from './check-tools.ts';
import { FIRMWARE_PACKAGES, installCommandFor, QEMU_PACKAGES } from './packages.ts';

test('isOlder: compares versions part by part', () => {
  assert.equal(isOlder('10.5.2', '10.6'), true);
  assert.equal(isOlder('10.6.0', '10.6'), false);
  assert.equal(isOlder('9.99', '10.6'), true);
  assert.equal(isOlder('11.0.0', '10.6'), false);
  assert.equal(isOlder('1.21', '1.21'), false);
});

test('checkTools: Node.js is there, and every purpose has its checks', async () => {
  const build = await checkTools('build');
  assert.equal(build.find((check) => check.id === 'node')?.state, 'ok');
  assert.deepEqual(
    build.map((check) => check.id),
    ['node', 'npm', 'go', 'apt'],
  );
  const vm = await checkTools('vm', ['pc-arm64']);
  assert.deepEqual(
    vm.map((check) => check.id),
    ['qemu-pc-arm64', 'uefi-pc-arm64'],
  );
  // Its virtual machine has no firmware.
  const pi = await checkTools('vm', ['raspberry-pi']);
  assert.deepEqual(
    pi.map(({ id, title }) => [id, title]),
    [['qemu-raspberry-pi', 'QEMU for raspberry-pi']],
  );
});

test('installCommandFor: one command, no package twice, sudo only where it is needed', () => {
  const tools = [QEMU_PACKAGES['qemu-system-x86_64'], FIRMWARE_PACKAGES.ovmf];
  const commandOf = (manager: 'apt' | 'dnf' | 'pacman' | 'brew') =>
    installCommandFor(manager, tools)?.argv.join(' ');
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  assert.equal(commandOf('apt'), `${sudo}apt-get install --yes --no-install-recommends qemu-system-x86 ovmf`);
  assert.equal(commandOf('dnf'), `${sudo}dnf install --assumeyes qemu-system-x86-core edk2-ovmf`);
  assert.equal(commandOf('pacman'), `${sudo}pacman --sync --needed --noconfirm qemu-system-x86 edk2-ovmf`);
  assert.equal(commandOf('brew'), 'brew install qemu');
  assert.equal(installCommandFor('apt', []), undefined);
});
