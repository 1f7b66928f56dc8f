// Updates that do not even start: kernels that cannot be loaded, inits that fail. The device is back on the old build
// without anybody pressing a button. One virtual machine for all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFat } from '../../src/formats/fat/volume.ts';
import { eventually } from '../support/machines/appliance.ts';
import { brokenRelease } from '../support/updates/broken-release.ts';
import { isBack, updateFails } from '../support/updates/failed-updates.ts';
import { HOST_BOARD, HOST_BOARD_ID } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';
import { DID_NOT_COME_UP, UpdateLab } from '../support/updates/update-lab.ts';

const INIT = 'src/device/init/main.ts';
const HEADER_BYTES = 64 * 1024;

test('an update that does not start is rolled back without anybody', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const lab = await UpdateLab.make(t, HOST_BOARD_ID);
  const kernel = await lab.readBootFile('vmlinuz');
  await lab.boot();
  await eventually('the app', () => lab.speaker());

  const isCompressed = HOST_BOARD.nodeArch === 'x64';
  await t.test('a kernel that is garbage, but signed', { skip: !isCompressed }, () =>
    kernelIsGarbage(lab, kernel),
  );
  await t.test('a kernel that the disk has spoiled since it was checked', () => kernelIsSpoiled(lab));
  await t.test('an init that throws at once', () => initThrows(lab));
  await t.test('an init that hangs', () => initHangs(lab));
  await t.test('and the next good update works', () => nextWorks(lab));
});

/**
 * What is in the bzImage cannot be unpacked. Garbage in the program that unpacks it would be executed, and hang: no
 * watchdog of a PC runs yet, so that needs a power cycle.
 */
async function kernelIsGarbage(lab: UpdateLab, kernel: Uint8Array): Promise<void> {
  const vmlinuz = Uint8Array.from(kernel).fill(0x5a, kernel.length / 4, kernel.length / 2);
  lab.configure({ components: { kernel: { directory: lab.componentDirectory('garbage', { vmlinuz }) } } });
  await updateFails(lab, { outcome: 'did not start', mode: 'reboot', reason: DID_NOT_COME_UP });
}

/** The device has been told to restart; nobody reads the kernel any more but the firmware. */
async function kernelIsSpoiled(lab: UpdateLab): Promise<void> {
  lab.configure({ components: {}, kernel: { extraArgs: ['tskrazy.test=spoiled'] } });
  const before = await lab.runningBuild();
  const client = lab.follow(['update']);
  await eventually('the restart', async () => client.exitCode !== null || /Restarting/.test(client.stderr));
  await lab.withBootPartition(async (boot) => {
    const [first] = await (await openFat(boot)).extents(`${before.slot === 'a' ? 'b' : 'a'}/vmlinuz`);
    await boot.write(first!.offsetBytes, new Uint8Array(HEADER_BYTES));
  });
  assert.equal(await client.ended, 1, client.stdout + client.stderr);
  await isBack(lab, before, { outcome: 'did not start', mode: 'reboot', reason: DID_NOT_COME_UP });
}

async function initThrows(lab: UpdateLab): Promise<void> {
  lab.configure({ kernel: { extraArgs: [] } });
  const from = brokenRelease(lab, INIT, `throw new Error('a broken release');`);
  await updateFails(lab, { outcome: 'did not start', mode: 'reboot', reason: DID_NOT_COME_UP, from });
}

/**
 * Once it has noted in /perm that the trial has started, by the id of its boot, which an emulated init takes a while to do.
 * The hardware watchdog ends it.
 */
const HANG = `
const { readFileSync } = process.getBuiltinModule('node:fs');
const isNoted = () =>
  readFileSync('/perm/tskrazy/updates.json', 'utf8').includes(
    readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  );
setInterval(() => {
  try {
    if (!isNoted()) return;
  } catch {
    return;
  }
  for (;;);
}, 100);
`;

async function initHangs(lab: UpdateLab): Promise<void> {
  const from = brokenRelease(lab, INIT, HANG);
  await updateFails(lab, { outcome: 'rolled back', mode: 'reboot', reason: /it did not go on/, from });
}

async function nextWorks(lab: UpdateLab): Promise<void> {
  lab.speak({ word: 'two' });
  const { outcome } = await lab.update();
  assert.equal(outcome, 'confirmed');
  assert.equal((await lab.speaker()).word, 'two');
}
