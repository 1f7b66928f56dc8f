// An update on a board that has another boot loader than all of ours: what knows boot loaders by their descriptions and
// ways alone installs, tries, commits and rolls back there as well.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { rootGuidOf } from '../support/formats/boot-volume.ts';
import { PrefixDevice } from '../support/boot-loader/prefix-device.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { makeImage, makeKey } from '../support/updates/update-target.ts';
import { sampleBytes } from '../support/formats/squashfs-image.ts';

const KEY = makeKey();
const OLD = makeImage({ key: KEY, root: sampleBytes(300_000, 1), signedAtSec: 1_700_000_000 });
const NEW = makeImage({
  key: KEY,
  root: sampleBytes(300_000, 2),
  kernel: 'another kernel',
  signedAtSec: 1_700_000_100,
  manifest: { kernelArgs: ['ro', 'quiet'] },
});

async function makeDevice(t: TestContext): Promise<PrefixDevice> {
  const sys = new RecordingSys();
  const device = await PrefixDevice.make(sys, KEY, OLD, NEW);
  t.after(() => {
    device.target.remove();
    sys[Symbol.dispose]();
  });
  return device;
}

function cmdlineOf(slot: 'a' | 'b', words: string): string {
  return `root=PARTUUID=${rootGuidOf(slot)} tskrazy.slot=${slot} ${words}`;
}

test('another boot loader: an update is installed, tried and committed, and goes back', async (t) => {
  const device = await makeDevice(t);
  const { trials } = device;
  assert.equal(await device.start(), 'a');
  const before = await trials.state();
  assert.deepEqual([before.committed, before.trialStart], ['a', 'start-once']);
  const { slot, mode } = await device.update(NEW);
  assert.deepEqual([slot, mode], ['b', 'reboot']);
  assert.equal(trials.sys.log.at(-1), 'power restart');
  const cmdlines = [await device.readBoot('a/cmdline.txt'), await device.readBoot('b/cmdline.txt')];
  assert.deepEqual(
    cmdlines.map((text) => text.trim()),
    [cmdlineOf('a', 'ro'), cmdlineOf('b', 'ro quiet')],
  );
  assert.equal(await device.committed(), 'a');

  assert.equal(await device.start(), 'b');
  assert.equal((await trials.state()).trial?.buildId, NEW.manifest.buildId);
  await device.confirm(NEW);
  assert.equal(await device.committed(), 'b');
  await device.shutDown();
  assert.deepEqual([await device.start(), (await trials.state()).trial], ['b', null]);

  // Back to the old build, which is read from the medium first and fails then.
  await device.rollBack();
  assert.equal(await device.start(), 'a');
  for (let crash = 0; crash < 3; crash++) await trials.crash('sensor');
  await trials.advance(1);
  await trials.down();
  assert.deepEqual([await device.committed(), await device.start()], ['b', 'b']);
  const { committed, history } = await trials.state();
  assert.deepEqual(
    [committed, ...history.map(({ toSlot, outcome }) => `${toSlot} ${outcome}`)],
    ['b', 'a rolled back', 'b confirmed'],
  );
  assert.deepEqual(device.said, []);
});

test('another boot loader: a firmware that forgets the trial, and the next way of the list', async (t) => {
  const device = await makeDevice(t);
  const { trials } = device;
  await device.start();
  await device.update(NEW);
  device.forget();
  // Init finds out by itself, and goes on by kexec.
  assert.equal(await device.start(), 'a');
  assert.equal(await trials.down(), 'power kexec');
  assert.ok(
    trials.sys.log.includes(`load kernel from /dev/vda1: tskrazy.start=kexec ${cmdlineOf('b', 'ro quiet')}`),
  );
  await device.startFrom('b');
  await device.confirm(NEW);
  assert.equal(await device.committed(), 'b');
  assert.equal((await trials.state()).trialStart, 'kexec');
});

test('another boot loader: a slot that would start in another way than its image says is not gone back to', async (t) => {
  const device = await makeDevice(t);
  await device.start();
  await device.update(NEW);
  await device.start();
  await device.confirm(NEW);
  const before = await device.readBoot('a/cmdline.txt');
  await device.overwriteBoot('a/cmdline.txt', before.replace(' ro ', ' rw '));
  await assert.rejects(
    device.rollBack(),
    /^UpdateConflict: Slot a cannot be started: the boot loader would start it in another way than its image says$/,
  );
});
