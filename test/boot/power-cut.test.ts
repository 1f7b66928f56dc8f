// The power goes during an update, at every moment that matters: what is left of the disk always starts the old build
// or the new one, and /perm has lost nothing. A real update is recorded once (support/power-cut/), then cut again and
// again without a machine; of some of the disks that come out, one is booted.
// `node scripts/power-cuts.ts --all` cuts at every write, which takes much longer.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordUpdate } from '../support/power-cut/record-update.ts';
import { SHORT_PLAN, tryPowerCuts } from '../support/power-cut/try-cuts.ts';
import { HOST_BOARD, HOST_BOARD_ID } from '../support/host-board.ts';
import { requireTool } from '../support/require-tool.ts';

test('an update that is cut off at any moment leaves a device that starts', async (t) => {
  for (const tool of [HOST_BOARD.qemuSystem, 'fsck.fat', 'e2fsck', 'debugfs'])
    if (!requireTool(t, tool)) return;
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'tsk-cuts-'));
  t.after(() => rmSync(scratchDirectory, { recursive: true, force: true }));
  const { update } = await recordUpdate(t, HOST_BOARD_ID);
  const report = await tryPowerCuts(update, { ...SHORT_PLAN, scratchDirectory });
  t.diagnostic(`${report.cutPoints} power cuts, ${report.cutFailures} failures: ${JSON.stringify(report)}`);
  assert.deepEqual(report.failures, []);
});
