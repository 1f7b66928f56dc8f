import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { serveQmp } from '../../../test/support/machines/qmp-server.ts';
import { guestRuns } from './guest-runs.ts';

interface Machine {
  qmpSocketPath: string;
  consolePath: string;
}

/** Goes through `states`, one each time that it is asked, and stays in the last. */
async function machineIn(t: TestContext, ...states: string[]): Promise<Machine> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-guest-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const qmpSocketPath = await serveQmp(t, ({ execute }) => {
    if (execute !== 'query-status') return { return: {} };
    const status = states.length > 1 ? states.shift() : states[0];
    return { return: { status, running: status === 'running' } };
  });
  return { qmpSocketPath, consolePath: join(directory, 'console.log') };
}

suite('guestRuns', () => {
  test('a guest that QEMU has stopped at an instruction does not', async (t) => {
    assert.equal(await guestRuns(await machineIn(t, 'running', 'internal-error'), 60_000), false);
  });

  test('one that prints does, at once', async (t) => {
    const machine = await machineIn(t, 'running');
    writeFileSync(machine.consolePath, 'BdsDxe: loading');
    assert.equal(await guestRuns(machine, 60_000), true);
  });

  test('one that is only silent does', async (t) => {
    assert.equal(await guestRuns(await machineIn(t, 'running'), 60), true);
  });
});
