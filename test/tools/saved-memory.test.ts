// Machines that go on from a file, with the real QEMU: one that runs nothing but its firmware.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { guestRuns, readRunState } from '../../src/host/vm/guest-runs.ts';
import { QmpClient } from '../../src/host/vm/qmp.ts';
import { powerOff, startVirtualMachine, type VirtualMachine } from '../../src/host/vm/virtual-machine.ts';
import { HOST_BOARD } from '../support/machines/host-board.ts';
import { resume, resumeArguments, type SavedMemory, saveMemory } from '../support/machines/saved-memory.ts';
import { requireTool } from '../support/require-tool.ts';
import { atTheEnd } from '../support/at-the-end.ts';

const DISK_BYTES = 2 ** 20;

async function startMachine(
  t: TestContext,
  directory: string,
  memory?: SavedMemory,
): Promise<VirtualMachine> {
  mkdirSync(directory);
  const diskPath = join(directory, 'disk.img');
  writeFileSync(diskPath, '');
  truncateSync(diskPath, DISK_BYTES);
  const machine = await startVirtualMachine({
    board: HOST_BOARD,
    name: 'saved',
    diskPath,
    directory,
    memoryMiB: 128,
    forwards: [],
    ...(memory && { accelerator: memory.accelerator, firstArgs: resumeArguments(memory) }),
  });
  t.after(() => powerOff(machine, machine.ended, 0));
  return machine;
}

test('a machine goes on from the memory that another was put aside with', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-memory-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  const first = await startMachine(t, join(directory, 'first'));
  assert.ok(await guestRuns(first));
  const memory = await saveMemory(first, join(directory, 'memory'));
  const second = await startMachine(t, join(directory, 'second'), memory);
  await resume(second, memory);
  const client = await QmpClient.connect(second.qmpSocketPath);
  const state = await readRunState(client);
  client.close();
  assert.equal(state, 'running');

  await t.test('and does not start at all from what is none', async (t) => {
    const garbage = { ...memory, path: join(directory, 'garbage') };
    writeFileSync(garbage.path, 'garbage'.repeat(1000));
    const goOn = async (): Promise<void> =>
      resume(await startMachine(t, join(directory, 'third'), garbage), garbage);
    await assert.rejects(goOn, /Not a migration stream/);
  });
});
