// A lab that has booted, put aside with disk and memory: each restore is a machine of its own that goes on from there, in a
// second instead of a boot, and beside the others. For tests of what comes after a boot. Where there is no memory to go on
// from, each restore is a first boot.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BoardId, BOARDS } from '../../../src/shared/board/boards.ts';
import { eventually } from '../machines/appliance.ts';
import { atTheEnd } from '../at-the-end.ts';
import { type SavedMemory, saveMemory } from '../machines/saved-memory.ts';
import { type LabOptions, type Lifetime, UpdateLab } from './update-lab.ts';

export class SavedLab {
  readonly #lab: UpdateLab;
  readonly #options: LabOptions;
  /** null: this QEMU cannot put a machine aside, or starts its kernel anew at each restart, so that each is booted. */
  readonly #booted: { memory: SavedMemory; bootId: string } | null;

  private constructor(
    lab: UpdateLab,
    options: LabOptions,
    booted: { memory: SavedMemory; bootId: string } | null,
  ) {
    this.#lab = lab;
    this.#options = options;
    this.#booted = booted;
  }

  /** Boots a lab until its apps run, and puts it aside as long as `t` lives. */
  static async make(t: Lifetime, board: BoardId, options: LabOptions = {}): Promise<SavedLab> {
    const lab = await UpdateLab.make(t, board, options);
    if (BOARDS[board].vmFirmware === null) return new SavedLab(lab, options, null);
    await lab.boot();
    await appsRun(lab);
    const { bootId } = await lab.status();
    const memory = await saveOrSay(t, lab);
    // Its disk is that of the same moment, as long as it does not go on.
    await lab.kill();
    return new SavedLab(lab, options, memory && { memory, bootId });
  }

  /** A copy of the instance, and of the machine that runs it. */
  async restore(t: Lifetime): Promise<UpdateLab> {
    const { directory, board } = this.#lab;
    const copy = makeDirectory(t, 'tsk-test-update-');
    execFileSync('cp', ['--archive', '--sparse=always', '--reflink=auto', `${directory}/.`, copy]);
    const lab = UpdateLab.at(t, copy, board, this.#options);
    await lab.boot(this.#booted === null ? {} : { memory: this.#booted.memory });
    // A machine that was booted answers long before they do.
    await appsRun(lab);
    if (this.#booted !== null && (await lab.status()).bootId !== this.#booted.bootId)
      lab.diagnose('the saved machine did not go on, and was booted instead');
    return lab;
  }
}

async function appsRun(lab: UpdateLab): Promise<void> {
  await eventually('the apps', async () => [await lab.keeperPid(), await lab.speaker()]);
}

async function saveOrSay(t: Lifetime, lab: UpdateLab): Promise<SavedMemory | null> {
  try {
    return await saveMemory(lab.machine, join(makeDirectory(t, 'tsk-test-memory-'), 'memory'));
  } catch (error) {
    t.diagnostic(`Each machine is booted: ${String(error)}`);
    return null;
  }
}

function makeDirectory(t: Lifetime, prefix: string): string {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
