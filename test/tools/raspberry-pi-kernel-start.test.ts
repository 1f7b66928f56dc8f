// What a virtual machine of the board `raspberry-pi` starts is what the firmware of each Raspberry Pi would: the code of
// `tsk vm run` is held against the stand-in, on the same disk, step by step through an update.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sliceDevice } from '../../src/formats/byte-source.ts';
import { FatPathError } from '../../src/formats/fat/tree.ts';
import { FileDevice } from '../../src/host/files/file-device.ts';
import { readKernelStart } from '../../src/host/vm/kernel-start.ts';
import { BOARDS } from '../../src/shared/board/boards.ts';
import { removeFatFile } from '../support/formats/fat-change.ts';
import { rigBoardOf } from '../support/power-cut/rig-board.ts';
import { type StagedFiles, stageUpdate, type UpdateSteps } from '../support/power-cut/staged-disk.ts';
import { findNode, stringsOf } from '../support/raspberry-pi/device-tree.ts';
import { FirmwareStop } from '../support/raspberry-pi/firmware-stop.ts';
import { canMakeCards } from '../support/raspberry-pi/pi-card.ts';
import { startFrom } from '../support/raspberry-pi/pi-firmware.ts';
import { piModel } from '../support/raspberry-pi/pi-models.ts';
import { stagedPi } from '../support/raspberry-pi/staged-pi.ts';
import { requireTool } from '../support/require-tool.ts';

/** One of each processor that the staged disk has device trees for. */
const MODELS = ['3-b', '4-b', '5-b-d0'];
/** What stand-in and product put in the place of `serial0`. */
const CONSOLE = 'ttyAMA0';

interface Started {
  slot: string;
  kernel: Buffer;
  words: readonly string[];
}

async function byFirmware(disk: FileDevice, id: string, isTrial: boolean): Promise<Started | null> {
  try {
    const start = await startFrom(disk, piModel(id), { isTryboot: isTrial });
    const [treeWords = ''] = stringsOf(findNode(start.deviceTree, '/chosen'), 'bootargs');
    // A virtual machine has neither the device tree nor the watchdog of a Raspberry Pi.
    const own = start.cmdline.slice(treeWords.length).replace(/watchdog\.open_timeout=\d+$/, '');
    return {
      slot: start.osPrefix,
      kernel: (await start.files.readFile(start.kernelPath))!,
      words: wordsOf(own.replaceAll('console=serial0', `console=${CONSOLE}`)),
    };
  } catch (error) {
    if (error instanceof FirmwareStop) return null;
    throw error;
  }
}

async function byProduct(diskPath: string, directory: string, isTrial: boolean): Promise<Started | null> {
  try {
    const board = BOARDS['raspberry-pi'];
    const { kernelPath, cmdline } = await readKernelStart({ board, diskPath, directory, isTrial });
    const words = wordsOf(cmdline);
    const slot = /tskrazy\.slot=([ab])/.exec(cmdline)?.[1];
    return { slot: `${slot}/`, kernel: readFileSync(kernelPath), words };
  } catch (error) {
    if (error instanceof FatPathError || error instanceof SyntaxError) return null;
    throw error;
  }
}

function wordsOf(cmdline: string): string[] {
  return cmdline.split(/\s+/).filter(Boolean);
}

/** The slots that start, in order of the steps: after another start, and after one that asked for a trial. */
async function startsDuring(
  t: TestContext,
  steps: readonly ((update: UpdateSteps) => Promise<void>)[],
  files: StagedFiles,
): Promise<[committed: string | undefined, trial: string | undefined][]> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-kernel-start-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const diskPath = join(directory, 'disk');
  const seen: [string | undefined, string | undefined][] = [];
  const compare = async (): Promise<void> => {
    const disk = await FileDevice.open(diskPath, 'r');
    try {
      const slots: (string | undefined)[] = [];
      for (const isTrial of [false, true]) {
        const product = await byProduct(diskPath, directory, isTrial);
        for (const id of MODELS) assert.deepEqual(await byFirmware(disk, id, isTrial), product, id);
        slots.push(product?.slot);
      }
      seen.push([slots[0], slots[1]]);
    } finally {
      await disk.close();
    }
  };
  const run = async (update: UpdateSteps): Promise<void> => {
    await compare();
    for (const step of steps) {
      await step(update);
      await compare();
    }
  };
  await stageUpdate(directory, rigBoardOf('raspberry-pi'), run, files);
  return seen;
}

test('a virtual machine starts what the firmware would, in each state of an update', async (t) => {
  if (requireTool(t, 'mke2fs') === undefined || !canMakeCards(t)) return;
  const steps = [
    (update: UpdateSteps) => update.install(),
    (update: UpdateSteps) => update.askForTrial(),
    (update: UpdateSteps) => update.withdrawTrial(),
    (update: UpdateSteps) => update.askForTrial(),
    (update: UpdateSteps) => update.commit(),
    (update: UpdateSteps) => update.withdrawTrial(),
    (update: UpdateSteps) => update.renewFirmware(),
  ];
  assert.deepEqual(await startsDuring(t, steps, stagedPi()), [
    ['a/', 'a/'],
    ['a/', 'a/'],
    ['a/', 'b/'],
    ['a/', 'a/'],
    ['a/', 'b/'],
    ['b/', 'b/'],
    ['b/', 'b/'],
    ['b/', 'b/'],
  ]);
});

test('a virtual machine starts nothing where the firmware would start nothing', async (t) => {
  if (requireTool(t, 'mke2fs') === undefined || !canMakeCards(t)) return;
  const steps = [
    (update: UpdateSteps) => update.install(),
    (update: UpdateSteps) => update.askForTrial(),
    async (update: UpdateSteps) => {
      const [start, end] = [update.partitionOffset(1), update.partitionOffset(2)];
      const boot = sliceDevice(update.disk, start, end - start);
      assert.ok(await removeFatFile(boot, 'b/vmlinuz', { zone: 'b', timestampSec: 0 }));
    },
    (update: UpdateSteps) => update.commit(),
  ];
  assert.deepEqual(await startsDuring(t, steps, stagedPi()), [
    ['a/', 'a/'],
    ['a/', 'a/'],
    ['a/', 'b/'],
    ['a/', undefined],
    [undefined, undefined],
  ]);
});
