import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { forgetVm, listVms, recordVm, type VmRecord } from './vm-registry.ts';

/** The directory of the registry's files, in a state directory of its own. */
function makeState(t: TestContext): string {
  const state = mkdtempSync(join(tmpdir(), 'tsk-registry-'));
  const before = process.env['XDG_STATE_HOME'];
  process.env['XDG_STATE_HOME'] = state;
  t.after(() => {
    if (before === undefined) delete process.env['XDG_STATE_HOME'];
    else process.env['XDG_STATE_HOME'] = before;
    rmSync(state, { recursive: true });
  });
  return join(state, 'tskrazy', 'vms');
}

/** A process that has the socket's path in its command line, as QEMU has. */
function startMachine(t: TestContext, qmpSocketPath: string): number {
  const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)', qmpSocketPath]);
  t.after(() => child.kill());
  return child.pid!;
}

function record(pid: number, changes: Partial<VmRecord> = {}): VmRecord {
  return {
    name: 'garden',
    instanceDirectory: '/garden',
    board: 'pc-amd64',
    pid,
    qmpSocketPath: '/tmp/qmp',
    consolePath: '/console',
    temporaryDiskPath: null,
    url: 'http://127.0.0.1:1/',
    ports: [[80, 1]],
    startedAtMs: 1,
    ...changes,
  };
}

test('listVms gives the machines that run, oldest first, until they are forgotten', async (t) => {
  makeState(t);
  assert.deepEqual(await listVms(), []);
  const second = record(startMachine(t, '/tmp/second'), { qmpSocketPath: '/tmp/second', startedAtMs: 2 });
  const first = record(startMachine(t, '/tmp/first'), { qmpSocketPath: '/tmp/first' });
  await recordVm(second);
  await recordVm(first);
  assert.deepEqual(await listVms(), [first, second]);
  await forgetVm(first);
  assert.deepEqual(await listVms(), [second]);
});

test('listVms forgets what has ended, what has another process by now, and what is no record', async (t) => {
  const directory = makeState(t);
  const { pid: dead } = spawnSync(process.execPath, ['--version']);
  await recordVm(record(dead));
  await recordVm(record(startMachine(t, '/tmp/another'), { qmpSocketPath: '/tmp/mine' }));
  writeFileSync(join(directory, '1.json'), '{ "name": "cut o');
  assert.deepEqual(await listVms(), []);
  assert.deepEqual(readdirSync(directory), []);
});
