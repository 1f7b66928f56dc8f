// An update of a device of the architecture that this computer does not have.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BoardId, BOARDS } from '../../src/shared/board/boards.ts';
import { eventually } from '../support/machines/appliance.ts';
import { HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';
import { UpdateLab } from '../support/updates/update-lab.ts';

/** The other architecture has another kernel image, boot loader and firmware. */
const OTHER_BOARD: BoardId = HOST_BOARD_ID === 'pc-arm64' ? 'pc-amd64' : 'pc-arm64';

test(`a device of board ${OTHER_BOARD} is updated by a restart`, async (t) => {
  if (!requireTool(t, BOARDS[OTHER_BOARD].qemuSystem)) return;
  const lab = await UpdateLab.make(t, OTHER_BOARD, { kernelArgs: UNGUARDED });
  await lab.boot();
  lab.configure({ kernel: { extraArgs: [...UNGUARDED, 'tskrazy.test=updated'] } });
  lab.speak({ word: 'two' });
  const { outcome, mode } = await lab.update();
  assert.deepEqual([outcome, mode], ['confirmed', 'reboot']);
  const { running, committed } = await lab.updateStatus();
  assert.deepEqual([running, committed], ['b', 'b']);
  assert.equal((await eventually('the app', () => lab.speaker())).word, 'two');
  assert.equal(await lab.powerOff(), 'powered-off');
});
