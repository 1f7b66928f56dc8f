// `tsk flash` on a block device of a Raspberry Pi's size: the firmware of every model finds its system on it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileDevice } from '../../src/host/files/file-device.ts';
import { MIN_DISK_BYTES } from '../../src/shared/board/disk-layout.ts';
import { makeRoot, runTsk, writeInstance } from '../support/cli/instances.ts';
import { checkModels } from '../support/raspberry-pi/check-models.ts';
import { PI_MODELS } from '../support/raspberry-pi/pi-models.ts';

const root = makeRoot('pi-card');

test('a flashed card, as bytes of the device, starts every model', async (t) => {
  const file = join(root, 'card.img');
  writeFileSync(file, '');
  // An odd number of sectors, as cards have them.
  const sizeBytes = MIN_DISK_BYTES + 12_345 * 512;
  truncateSync(file, sizeBytes);
  const { status, stdout: made } = spawnSync('losetup', ['--find', '--show', file], { encoding: 'utf8' });
  if (status !== 0) return t.skip('only root can make loop devices');
  const device = made.trim();
  t.after(() => execFileSync('losetup', ['--detach', device]));
  const instance = writeInstance(join(root, 'pi'), 'raspberry-pi');
  const { code, stdout, stderr } = await runTsk(['-i', instance, 'flash', device, '--yes']);
  assert.equal(code, 0, stdout + stderr);
  const card = await FileDevice.open(device, 'r', sizeBytes);
  try {
    const reports = await checkModels(card);
    assert.deepEqual(
      reports.map(({ model, start, problems }) => [model, start?.osPrefix, problems]),
      PI_MODELS.map(({ id }) => [id, 'a/', []]),
    );
  } finally {
    await card.close();
  }
});
