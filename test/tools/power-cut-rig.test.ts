// The power-cut rig finds what is wrong with an update when something is: each of these does one step in a way that
// only a power cut at the right moment tells from the right one.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PREFIX_RIG, type RigBoard, rigBoardOf } from '../support/power-cut/rig-board.ts';
import { type CutReport, tryPowerCuts } from '../support/power-cut/try-cuts.ts';
import { type StagedFiles, stageUpdate, type UpdateSteps } from '../support/power-cut/staged-disk.ts';
import { canMakeCards } from '../support/raspberry-pi/pi-card.ts';
import { stagedPi } from '../support/raspberry-pi/staged-pi.ts';
import { requireTool } from '../support/require-tool.ts';

const TOOLS = ['mke2fs', 'e2fsck', 'debugfs', 'fsck.fat'];

async function cutAll(
  t: TestContext,
  board: RigBoard,
  run: (steps: UpdateSteps) => Promise<void>,
  files?: StagedFiles,
): Promise<CutReport> {
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'tsk-cuts-'));
  t.after(() => rmSync(scratchDirectory, { recursive: true, force: true }));
  const update = await stageUpdate(scratchDirectory, board, run, files);
  const shares = { rootShare: 1, permShare: 1, fsckShare: 0.02 };
  return tryPowerCuts(update, { seed: 1, subsets: 1, torn: 1, ...shares, scratchDirectory });
}

const CASES: {
  name: string;
  /** The mistake has to do with the boot loader, and is tried with another one, too. */
  isOfLoader?: true;
  run: (steps: UpdateSteps) => Promise<void>;
  /** Of the first failure; undefined: there is none. */
  finds?: RegExp;
}[] = [
  {
    name: 'nothing in an update that is right',
    async run(steps) {
      await steps.writeRoot();
      await steps.flush();
      await steps.renewStart();
      await steps.writeBootFiles();
      await steps.commit();
    },
  },
  {
    name: 'nothing in an update as devices make it',
    isOfLoader: true,
    async run(steps) {
      await steps.install();
      await steps.commit();
    },
  },
  {
    name: 'a root that was not flushed before the commit',
    async run(steps) {
      await steps.renewStart();
      await steps.writeBootFiles();
      await steps.writeRoot();
      await steps.commit();
    },
    finds: /cut before write \d+, .*: chunk \d of the root of slot b/,
  },
  {
    name: 'a commit before the boot files',
    isOfLoader: true,
    async run(steps) {
      await steps.writeRoot();
      await steps.renewStart();
      await steps.commit();
      await steps.writeBootFiles();
    },
    finds: /manifest\.json/,
  },
  {
    name: 'a slot that counts as whole before it is',
    async run(steps) {
      await steps.renewStart();
      await steps.writeBootFiles();
      await steps.writeRoot();
      await steps.flush();
      await steps.commit();
    },
    finds: /chunk \d of the root of slot b/,
  },
  {
    name: 'a write to the running slot, though it is undone',
    async run(steps) {
      const offset = steps.partitionOffset(2) + 4096;
      const before = await steps.disk.read(offset, 512);
      await steps.disk.write(offset, new Uint8Array(512));
      await steps.disk.write(offset, before);
      await steps.writeRoot();
      await steps.flush();
      await steps.renewStart();
      await steps.writeBootFiles();
      await steps.commit();
    },
    finds: /write 0 goes to the running root/,
  },
  {
    name: 'a damaged partition table',
    async run(steps) {
      await steps.writeRoot();
      await steps.renewStart();
      await steps.writeBootFiles();
      await steps.disk.write(512, new Uint8Array(512));
      await steps.flush();
      await steps.commit();
    },
    finds: /changes sector 1, which the update must not change/,
  },
  {
    name: 'a damaged /perm',
    async run(steps) {
      await steps.writeRoot();
      await steps.disk.write(steps.partitionOffset(4), new Uint8Array(4 * 2 ** 20));
      await steps.flush();
      await steps.renewStart();
      await steps.writeBootFiles();
      await steps.commit();
    },
    finds: /content of \/kept in \/perm/,
  },
  {
    name: 'a slot that counts as whole before its start is renewed',
    isOfLoader: true,
    async run(steps) {
      await steps.writeRoot();
      await steps.flush();
      await steps.writeBootFiles();
      await steps.renewStart();
      await steps.commit();
    },
    finds: /the kernel command line of slot b lacks words/,
  },
  {
    name: 'a start that is never renewed',
    isOfLoader: true,
    async run(steps) {
      await steps.writeRoot();
      await steps.flush();
      await steps.writeBootFiles();
      await steps.commit();
    },
    finds: /the kernel command line of slot b lacks words/,
  },
  {
    name: 'a change of how the running slot starts',
    isOfLoader: true,
    async run(steps) {
      await steps.writeRoot();
      await steps.flush();
      await steps.renewStart('a');
      await steps.renewStart();
      await steps.writeBootFiles();
      await steps.commit();
    },
    finds: /write \d+ changes sector \d+, which the update must not change/,
  },
  {
    name: 'an update that commits nothing',
    isOfLoader: true,
    async run(steps) {
      await steps.writeRoot();
      await steps.flush();
      await steps.renewStart();
      await steps.writeBootFiles();
    },
    finds: /nothing commits the update/,
  },
];

const BOARDS: readonly { of: string; board: RigBoard; cases: typeof CASES }[] = [
  { of: 'a PC', board: rigBoardOf('pc-amd64'), cases: CASES },
  {
    of: 'a board with command lines in the slots',
    board: PREFIX_RIG,
    cases: CASES.filter(({ isOfLoader }) => isOfLoader),
  },
];

for (const { of, board, cases } of BOARDS) {
  for (const { name, run, finds } of cases) {
    test(`the power-cut rig finds on ${of} ${name}`, async (t) => {
      if (!TOOLS.every((tool) => requireTool(t, tool))) return;
      const report = await cutAll(t, board, run);
      t.diagnostic(`${report.cutPoints} states, ${report.cutFailures} of them bad`);
      if (finds) assert.match(report.failures.join('\n'), finds);
      else assert.deepEqual(report.failures, []);
      assert.ok(report.cutPoints > 30);
    });
  }
}

/** As devices make it: the trial is asked for, has begun, and is confirmed. */
async function installAndCommit(steps: UpdateSteps): Promise<void> {
  await steps.install();
  await steps.askForTrial();
  await steps.withdrawTrial();
  await steps.commit();
  await steps.withdrawTrial();
  await steps.renewFirmware();
}

test('a Raspberry Pi of each kind starts one of the two builds, wherever the power is cut', async (t) => {
  if (!TOOLS.every((tool) => requireTool(t, tool)) || !canMakeCards(t)) return;
  const report = await cutAll(t, rigBoardOf('raspberry-pi'), installAndCommit, stagedPi());
  assert.deepEqual(report.failures, []);
  t.diagnostic(`${report.cutPoints} states`);
  assert.ok(report.cutPoints > 30);
});

/** As nobody should. */
async function fileByFile(steps: UpdateSteps): Promise<void> {
  await steps.install();
  await steps.commit();
  await steps.replaceShared('start4.elf');
  await steps.replaceShared('fixup4.dat');
}

test('firmware of two builds in the root is found', async (t) => {
  if (!TOOLS.every((tool) => requireTool(t, tool)) || !canMakeCards(t)) return;
  const report = await cutAll(t, rigBoardOf('raspberry-pi'), fileByFile, stagedPi());
  assert.match(report.failures.join('\n'), /the firmware is of neither build/);
});

/** A trial that was given up, and left in its file, while the next update writes the slot. */
async function overATrial(steps: UpdateSteps): Promise<void> {
  await steps.install();
  await steps.askForTrial();
  await steps.unmark();
  await steps.writeBootFiles();
  await steps.commit();
}

test('a slot that is written while a start on trial would be its own is found', async (t) => {
  if (!TOOLS.every((tool) => requireTool(t, tool)) || !canMakeCards(t)) return;
  const report = await cutAll(t, rigBoardOf('raspberry-pi'), overATrial, stagedPi());
  assert.match(report.failures.join('\n'), /tryboot\.txt starts slot b, which is not whole/);
});

test('a build that one kind of Raspberry Pi would not start is found', async (t) => {
  if (!TOOLS.every((tool) => requireTool(t, tool)) || !canMakeCards(t)) return;
  const files = stagedPi(['bcm2710-rpi-3-b.dtb', 'bcm2712-rpi-5-b.dtb']);
  const report = await cutAll(t, rigBoardOf('raspberry-pi'), installAndCommit, files);
  assert.match(report.failures.join('\n'), /no device tree bcm2711-rpi-4-b\.dtb below "b\/"/);
});
