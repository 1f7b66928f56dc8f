import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const moduleUrl = new URL('end-with-process.ts', import.meta.url).href;

/** A process in the place of QEMU, and a command that ends at once without stopping it. */
function makeMachine(t: TestContext): { machine: object; disk: string; ended: Promise<unknown> } {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-end-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const disk = join(directory, 'disk.img');
  writeFileSync(disk, '');
  mkdirSync(join(directory, 'sockets'));
  const qemu = spawn('sleep', ['1000'], { stdio: 'ignore' });
  t.after(() => qemu.kill());
  const machine = {
    pid: qemu.pid,
    qmpSocketPath: join(directory, 'sockets', 'qmp'),
    temporaryDiskPath: disk,
  };
  return { machine, disk, ended: once(qemu, 'exit') };
}

function runCommand(machine: object, rest: string): void {
  const program = `import { endWithProcess } from ${JSON.stringify(moduleUrl)};
    const letLive = endWithProcess(${JSON.stringify(machine)}, new Promise(() => {}));
    ${rest}
    process.exit(130);`;
  assert.equal(spawnSync(process.execPath, ['--input-type=module', '--eval', program]).status, 130);
}

test('endWithProcess ends a machine whose command was cut off, and removes what was its own', async (t) => {
  const { machine, disk, ended } = makeMachine(t);
  runCommand(machine, '');
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  assert.equal(existsSync(disk), false);
});

test('endWithProcess leaves alone a machine that was let live', async (t) => {
  const { machine, disk } = makeMachine(t);
  runCommand(machine, 'letLive();');
  assert.equal(existsSync(disk), true);
});
