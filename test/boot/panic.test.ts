// A machine whose kernel panics: tsk says so, tries once more, and gives up with the kernel's last lines.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CommandLine } from '../support/cli/command-line.ts';
import { HOST_BOARD, HOST_BOARD_ID } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';
import { atTheEnd } from '../support/at-the-end.ts';

const HOSTNAME = 'panicking';

test('tsk vm run names a panic, and starts the machine again once', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-panic-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  const kernel = { extraArgs: ['init=/there-is-none'] };
  const config = { hostname: HOSTNAME, board: HOST_BOARD_ID, kernel, apps: {} };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  const garden = new CommandLine(directory);
  const said = await garden.fails('vm', 'run', '--detach');
  const again = 'Warning: The virtual machine is started again, because its kernel panicked ("Requested init';
  assert.equal(said.split(again).length, 2, said);
  assert.match(
    said,
    /Cannot boot the virtual machine: its kernel panicked \(.*\), also when it was started again/,
  );
  assert.match(said, /It ends with:\n(.*\n)*.*Requested init \/there-is-none failed/);
  assert.doesNotMatch(await garden.succeeds('vm', 'list'), new RegExp(`^${HOSTNAME} `, 'm'));
});
