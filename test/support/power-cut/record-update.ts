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

/** What "speaker" says in the first build, after the first update, and so on. */
export const WORDS = ['one', 'two', 'three', 'four'] as const;

/** A restart that comes before is another one. */
const IS_ACCEPTED = /^Sending [^]*^(Restarting|Trying) /m;

export type UpdateMode = 'live' | 'reboot';

export interface Recording {
  /** As many as there are modes, in one log. */
  updates: readonly RecordedUpdate[];
  /** Powered off. */
  lab: UpdateLab;
}

/**
 * One update after the other, each until it is confirmed: the first into a slot that is empty, all others into one that
 * holds the build before. Where the device restarts, the kernel command line changes, and with it the loader's entry.
 */
export async function recordUpdates(
  t: Lifetime,
  board: BoardId,
  modes: readonly UpdateMode[],
): Promise<Recording> {
  const lab = await UpdateLab.make(t, board);
  const imagePath = join(lab.directory, 'first-disk.img');
  lab.copyDisk(imagePath);
  const logPath = join(lab.directory, 'write-log');
  writeFileSync(logPath, '');
  await lab.boot({ extraQemuArgs: recordingArguments(logPath) });
  await eventually('the app that keeps a file', () => lab.keeperPid());
  const publicKey = await lab.publicKey();

  const updates: RecordedUpdate[] = [];
  for (const [index, mode] of modes.entries()) {
    const before = await lab.runningBuild();
    lab.speak({ word: WORDS[index + 1]! });
    if (mode === 'reboot') lab.configure({ kernel: { extraArgs: [`tskrazy.test=${index}`] } });
    const begunBytes = statSync(logPath).size;
    const installedBytes = await runUpdate(lab, logPath);
    const after = await lab.runningBuild();
    assert.notEqual(after.buildId, before.buildId);
    updates.push({
      imagePath,
      logPath,
      begunBytes,
      installedBytes,
      endBytes: statSync(logPath).size,
      publicKey,
      slot: before.slot,
      oldBuildId: before.buildId,
      newBuildId: after.buildId,
      permFile: KEPT_FILE,
    });
  }
  assert.equal(await lab.powerOff(), 'powered-off');
  return { lab, updates };
}

/** The size of the log when the device had accepted the trial, hence when the slot was whole. */
async function runUpdate(lab: UpdateLab, logPath: string): Promise<number> {
  const client = lab.follow(['update']);
  const ended = client.ended.then((code) => ({ code }));
  let acceptedBytes: number | undefined;
  let end: { code: number | null } | undefined;
  while (!end) {
    end = await Promise.race([ended, delay(20, undefined)]);
    if (IS_ACCEPTED.test(client.stderr)) acceptedBytes ??= statSync(logPath).size;
  }
  assert.equal(end.code, 0, client.stdout + client.stderr);
  assert.ok(acceptedBytes !== undefined, `no trial: ${client.stdout}${client.stderr}`);
  return acceptedBytes;
}
