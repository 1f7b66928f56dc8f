import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordingSys } from '../../../../test/support/init/recording-sys.ts';
import { findSandboxProcesses } from './sandbox-processes.ts';

function putProcess(sys: RecordingSys, pid: number, numbers: string): void {
  sys.file(`/proc/${pid}/status`, `Name:\tx\nNSpid:\t${numbers}\nThreads:\t1\n`);
}

test('findSandboxProcesses waits for process 2 of the sandbox', async () => {
  using sys = new RecordingSys();
  putProcess(sys, 100, '100');
  putProcess(sys, 101, '101\t1');
  let asked = 0;
  const candidates = (): number[] => {
    // Process 2 of the sandbox is there when asked for the third time.
    if (++asked === 3) putProcess(sys, 102, '102\t2');
    return [100, 101, 102, 103];
  };
  const found = await findSandboxProcesses(sys, candidates, new AbortController().signal);
  assert.deepEqual(found, { group: 101, app: 102 });
  assert.equal(asked, 3);
});

test('findSandboxProcesses gives up when the sandbox has ended', async () => {
  using sys = new RecordingSys();
  assert.equal(await findSandboxProcesses(sys, () => [], AbortSignal.abort()), undefined);
});
