// The power goes during an update, at every moment that matters: what is left of the disk always starts the old build
// or the new one, and /perm has lost nothing. Recorded updates are cut again and again without a machine; of some of
// the disks that come out, a machine is booted.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { SLOTS } from '../../../src/shared/board/slots.ts';
import { eventually } from '../machines/appliance.ts';
import type { CutPolicy } from './recorded-disk.ts';
import { type CutReport, describeReport, saveCut, SHORT_PLAN, tryPowerCuts } from './try-cuts.ts';
import type { UpdateRecording } from './update-recording.ts';
import { atTheEnd } from '../at-the-end.ts';
import { LONG_VARIANT } from '../long-variants.ts';

/**
 * `recording` has two updates, and its lab is powered off; "speaker" says `words`, one before the first update, one after
 * each.
 */
export async function surviveCuts(
  t: TestContext,
  recording: UpdateRecording,
  words: readonly [string, string, string],
): Promise<void> {
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'tsk-cuts-'));
  atTheEnd(t, () => rmSync(scratchDirectory, { recursive: true, force: true }));
  const reports: CutReport[] = [];
  for (const update of recording.updates) {
    const report = await tryPowerCuts(update, { ...SHORT_PLAN, scratchDirectory });
    t.diagnostic(describeReport(report));
    assert.deepEqual(report.failures, []);
    reports.push(report);
  }
  const [first] = reports as [CutReport, CutReport];
  const inTheMiddle: BootedCut = {
    index: 0,
    cut: middleOf(first.writes.boot) + 1,
    policy: { kind: 'torn', seed: 2 },
    isNew: false,
  };
  const afterTheCommit: BootedCut = {
    index: 0,
    cut: first.commit! + 1,
    policy: { kind: 'last' },
    isNew: true,
  };
  const boots = (cut: BootedCut): Promise<void> =>
    bootCut(recording, cut, words, join(scratchDirectory, 'cut.img'));
  await t.test('a machine starts after a cut in the middle of the boot files', { skip: LONG_VARIANT }, () =>
    boots(inTheMiddle),
  );
  await t.test('a machine starts after a cut right after the commit', () => boots(afterTheCommit));
}

interface BootedCut {
  /** Of the update. */
  index: number;
  cut: number;
  policy: CutPolicy;
  isNew: boolean;
}

async function bootCut(
  { lab, updates }: UpdateRecording,
  { index, cut, policy, isNew }: BootedCut,
  words: readonly string[],
  diskPath: string,
): Promise<void> {
  const update = updates[index]!;
  saveCut(update, cut, policy, diskPath);
  await lab.boot({ diskPath });
  const { running, committed, trial } = await lab.updateStatus();
  const { buildId } = await lab.runningBuild();
  const slot = isNew ? SLOTS.find((other) => other !== update.slot) : update.slot;
  const expected = [isNew ? update.newBuildId : update.oldBuildId, slot, slot];
  assert.deepEqual([buildId, running, committed], expected, `update ${index + 1} cut before write ${cut}`);
  assert.equal(trial, null);
  const { word } = await eventually('the app', () => lab.speaker());
  assert.equal(word, words[isNew ? index + 1 : index]);
  assert.equal((await lab.status()).system.perm.state, 'mounted');
  assert.equal(await lab.powerOff(), 'powered-off');
}

function middleOf(numbers: readonly number[]): number {
  return numbers[Math.floor(numbers.length / 2)]!;
}
