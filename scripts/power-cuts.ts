// node scripts/power-cuts.ts [--board pc-arm64] [--updates live,reboot] [--seed N] [--boot-alone]: the power cuts of
// test/updates/update.test.ts with many more cuts: every write of the whole disk, or with --boot-alone of the boot partition and
// the partition tables, and dozens of draws of what has reached the medium at each. Says how many disks were looked at; exit
// code 1 when one of them would not start.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BOARDS, type BoardId } from '../src/shared/board/boards.ts';
import { recordUpdates, type UpdateMode } from '../test/support/power-cut/update-recording.ts';
import { describeReport, LONG_PLAN, tryPowerCuts } from '../test/support/power-cut/try-cuts.ts';
import { HOST_BOARD_ID } from '../test/support/machines/host-board.ts';
import { ScriptContext } from '../test/support/script-context.ts';
import { parseOptions, usageError } from './parse-options.ts';

/** Without a restart into the empty slot, then with one into a slot that is filled, and once more after a restart. */
const MODES: readonly UpdateMode[] = ['live', 'reboot', 'reboot'];
const KNOWN: readonly string[] = ['live', 'reboot'] satisfies UpdateMode[];
const BOARD_NAMES = Object.keys(BOARDS).join('|');
const USAGE = `node scripts/power-cuts.ts [--board ${BOARD_NAMES}] [--updates ${MODES.join(',')}] [--seed N] [--boot-alone]`;

const { values } = parseOptions(
  {
    options: {
      board: { type: 'string', default: HOST_BOARD_ID },
      updates: { type: 'string', default: MODES.join(',') },
      seed: { type: 'string', default: String(LONG_PLAN.seed) },
      'boot-alone': { type: 'boolean', default: false },
    },
  },
  USAGE,
);
const modes = values.updates.split(',');
const areKnown = modes.every((mode) => KNOWN.includes(mode));
if (!(values.board in BOARDS) || !areKnown || !Number.isInteger(Number(values.seed))) {
  usageError(USAGE);
}

const plan = values['boot-alone'] ? { ...LONG_PLAN, rootShare: 0, permShare: 0 } : LONG_PLAN;
const context = new ScriptContext((text) => console.error(text));
try {
  console.error('Recording updates of a virtual machine');
  const updates = await recordUpdates(context, values.board as BoardId, modes as UpdateMode[]);
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'tsk-cuts-'));
  context.after(() => rmSync(scratchDirectory, { recursive: true, force: true }));
  for (const [index, update] of updates.entries()) {
    console.error(`Cutting update ${index + 1} (${modes[index]})`);
    const report = await tryPowerCuts(update, { ...plan, seed: Number(values.seed), scratchDirectory });
    console.log(describeReport(report));
    for (const failure of report.failures) console.log(`  ${failure}`);
    if (report.cutFailures > 0) process.exitCode = 1;
  }
} finally {
  await context.end();
}
