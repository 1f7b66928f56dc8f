// Updates of a virtual machine, all of whose writes are recorded, from its first start to its last shutdown.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardId } from '../../../src/shared/board/boards.ts';
import { eventually } from '../machines/appliance.ts';
import { KEPT_FILE, type Lifetime, UpdateLab } from '../updates/update-lab.ts';
import { rigBoardOf } from './rig-board.ts';
import type { RecordedUpdate } from './try-cuts.ts';
import { recordingArguments } from './write-log.ts';

/** What init says when it has accepted a trial, hence when the slot is whole: before it restarts, or switches apps. */
const TRIAL = /trial of slot [ab], build/;
const LOOK_EVERY_MS = 20;

export class UpdateRecording {
  readonly lab: UpdateLab;
  readonly updates: RecordedUpdate[] = [];
  readonly #imagePath: string;
  readonly #logPath: string;

  private constructor(lab: UpdateLab) {
    this.lab = lab;
    this.#imagePath = join(lab.directory, 'first-disk.img');
    this.#logPath = join(lab.directory, 'write-log');
  }

  /** Boots the lab, whose disk was not started from yet. It is to be powered off before the log is read. */
  static async start(lab: UpdateLab): Promise<UpdateRecording> {
    const recording = new UpdateRecording(lab);
    lab.copyDisk(recording.#imagePath);
    await lab.boot({ extraQemuArgs: recordingArguments(recording.#logPath) });
    await eventually('the app that keeps a file', () => lab.keeperPid());
    return recording;
  }

  /** `update` is one that is confirmed. */
  async during(update: () => Promise<unknown>): Promise<void> {
    const before = await this.lab.runningBuild();
    const begunBytes = statSync(this.#logPath).size;
    const installedBytes = await this.#sizeAtTrial(update);
    const after = await this.lab.runningBuild();
    assert.notEqual(after.buildId, before.buildId);
    this.updates.push({
      board: rigBoardOf(this.lab.board),
      imagePath: this.#imagePath,
      logPath: this.#logPath,
      begunBytes,
      installedBytes,
      endBytes: statSync(this.#logPath).size,
      publicKey: await this.lab.publicKey(),
      slot: before.slot,
      oldBuildId: before.buildId,
      newBuildId: after.buildId,
      permFile: KEPT_FILE,
    });
  }

  /** Of the log, when the update's trial was accepted. */
  async #sizeAtTrial(update: () => Promise<unknown>): Promise<number> {
    const saidBefore = this.lab.console().length;
    let sizeBytes: number | undefined;
    const timer = setInterval(() => {
      if (TRIAL.test(this.lab.console().slice(saidBefore))) sizeBytes ??= statSync(this.#logPath).size;
    }, LOOK_EVERY_MS);
    await update().finally(() => clearInterval(timer));
    assert.ok(sizeBytes !== undefined, 'init said nothing of a trial');
    return sizeBytes;
  }
}

export type UpdateMode = 'live' | 'reboot';

/**
 * One update after the other, the first into a slot that is empty, all others into one that holds the build before. Where
 * the device restarts, the kernel command line changes, and with it the loader's entry.
 */
export async function recordUpdates(
  t: Lifetime,
  board: BoardId,
  modes: readonly UpdateMode[],
): Promise<readonly RecordedUpdate[]> {
  const lab = await UpdateLab.make(t, board);
  const recording = await UpdateRecording.start(lab);
  for (const [index, expected] of modes.entries()) {
    lab.speak({ word: `after update ${index}` });
    if (expected === 'reboot') lab.configure({ kernel: { extraArgs: [`tskrazy.test=${index}`] } });
    await recording.during(async () => {
      const { outcome, mode } = await lab.update();
      assert.deepEqual([outcome, mode], ['confirmed', expected]);
    });
  }
  assert.equal(await lab.powerOff(), 'powered-off');
  return recording.updates;
}
