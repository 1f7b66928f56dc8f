// Updates a virtual machine, all of whose writes are recorded, from its first start to its last shutdown.

import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BoardId } from '../../../src/shared/boards.ts';
import { eventually } from '../appliance.ts';
import { KEPT_FILE, type Lifetime, UpdateLab } from '../update-lab.ts';
import type { RecordedUpdate } from './try-cuts.ts';
import { recordingArguments } from './write-log.ts';

export interface Recording {
  update: RecordedUpdate;
  /** Powered off. */
  lab: UpdateLab;
}

/**
 * The first update, into a slot that is empty, by a restart, until it is confirmed. The kernel command line changes,
 * too, and with it the loader's entry of the slot.
 */
export async function recordUpdate(t: Lifetime, board: BoardId): Promise<Recording> {
  const lab = await UpdateLab.make(t, board);
  const imagePath = join(lab.directory, 'first-disk.img');
  lab.copyDisk(imagePath);
  const logPath = join(lab.directory, 'write-log');
  writeFileSync(logPath, '');
  await lab.boot({ extraQemuArgs: recordingArguments(logPath) });
  await eventually('the app that keeps a file', () => lab.keeperPid());
  const before = await lab.runningBuild();

  lab.configure({ kernel: { extraArgs: ['tskrazy.test=updated'] } });
  lab.speak({ word: 'two' });
  const begunBytes = statSync(logPath).size;
  const installedBytes = await runUpdate(lab, logPath);
  const after = await lab.runningBuild();
  assert.notEqual(after.buildId, before.buildId);
  assert.equal(await lab.powerOff(), 'powered-off');
  const update = {
    imagePath,
    logPath,
    begunBytes,
    installedBytes,
    publicKey: await lab.publicKey(),
    slot: before.slot,
    oldBuildId: before.buildId,
    newBuildId: after.buildId,
    permFile: KEPT_FILE,
  };
  return { lab, update };
}

/** The size of the log when the device had accepted the trial, hence when the slot was whole. */
async function runUpdate(lab: UpdateLab, logPath: string): Promise<number> {
  const client = lab.follow(['update']);
  const ended = client.ended.then((code) => ({ code }));
  let acceptedBytes: number | undefined;
  let end: { code: number | null } | undefined;
  while (!end) {
    end = await Promise.race([ended, delay(20, undefined)]);
    if (/Restarting/.test(client.stdout + client.stderr)) acceptedBytes ??= statSync(logPath).size;
  }
  assert.equal(end.code, 0, client.stdout + client.stderr);
  assert.ok(acceptedBytes !== undefined, `no restart: ${client.stdout}${client.stderr}`);
  return acceptedBytes;
}
