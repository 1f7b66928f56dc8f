import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { serveQmp } from '../../../test/support/machines/qmp-server.ts';
import { silentProgress } from '../progress.ts';
import { UserError } from '../user-error.ts';
import { bootMachine, type BootMachineOptions } from './boot-machine.ts';
import type { VirtualMachine } from './virtual-machine.ts';

const SAYS = 'echo "Linux version 6.12"';
const PANICS = `${SAYS}; echo '[    2.1] RIP: 0010:ktime_get'; echo '[    2.1] Kernel panic - not syncing: Fatal exception'; echo '[    2.2] ---[ end Kernel panic'`;
/** "No answer" means no page; the scripts below end by themselves when a test does not end them. */
const STANDS = 'exec sleep 60';
const SPINS = 'while :; do :; done';
const LIMITS = { idleMs: 600, spinMs: 300, totalMs: 60_000 };

/** What is done instead of QEMU: one shell script for each start, whose output is the console. */
async function scripted(
  t: TestContext,
  ...scripts: string[]
): Promise<BootMachineOptions & { warnings: string[]; vms: VirtualMachine[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-boot-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const consolePath = join(directory, 'console.log');
  const vms: VirtualMachine[] = [];
  const warnings: string[] = [];
  const start = async (): Promise<VirtualMachine> => {
    const child = spawn('sh', ['-c', `exec > '${consolePath}'; ${scripts[vms.length]!}`], {
      stdio: 'ignore',
    });
    t.after(() => child.kill('SIGKILL'));
    const qmpSocketPath = await serveQmp(t, ({ execute }) => {
      if (execute === 'quit') child.kill('SIGKILL');
      return { return: {} };
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const vm = {
      pid: child.pid!,
      accelerator: 'tcg' as const,
      qmpSocketPath,
      consolePath,
      ports: new Map(),
      ended,
      restartsItself: true,
      letGo: () => child.unref(),
    };
    vms.push(vm);
    return vm;
  };
  const isUp = async (): Promise<boolean> => scripts[vms.length - 1] === STANDS && vms.length > 1;
  return {
    start,
    isUp,
    warn: (text) => warnings.push(text),
    report: silentProgress,
    limits: LIMITS,
    askEveryMs: 20,
    lookEveryMs: 50,
    warnings,
    vms,
  };
}

suite('bootMachine', () => {
  test('a panic is named with the last lines, and the machine started again', async (t) => {
    const machine = await scripted(t, `${PANICS}; ${STANDS}`, STANDS);
    assert.equal(await bootMachine(machine), machine.vms[1]);
    await machine.vms[0]!.ended;
    const [warning] = machine.warnings;
    assert.match(
      warning ?? '',
      /^The virtual machine is started again, because its kernel panicked \("Fatal exception"\)\./,
    );
    assert.match(
      warning ?? '',
      /console\.log"\. It ends with:\n {2}Linux version 6\.12\n {2}.*RIP: 0010:ktime_get\n/,
    );
    assert.equal(machine.warnings.length, 1);
  });

  test('one that panics again is given up, with the reason', async (t) => {
    const machine = await scripted(t, `${PANICS}; ${STANDS}`, `${PANICS}; ${STANDS}`);
    await assert.rejects(bootMachine(machine), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /^Cannot boot the virtual machine: its kernel panicked \("Fatal exception"\), also when it was started again$/,
      );
      assert.match(error.hint ?? '', /RIP: 0010:ktime_get/);
      return true;
    });
    await Promise.all(machine.vms.map(({ ended }) => ended));
    assert.equal(machine.vms.length, 2);
  });

  test('a machine that stands still is told from one that spins', async (t) => {
    const machine = await scripted(t, `${SAYS}; ${STANDS}`, SPINS);
    await assert.rejects(
      bootMachine(machine),
      /it hangs: it has used \d+ s of processor time since its last line/,
    );
    assert.match(
      machine.warnings.join(),
      /because it hangs: for 1 s it printed nothing, answered nothing and did nothing/,
    );
  });

  test('a QEMU that ends is not started again', async (t) => {
    const machine = await scripted(t, SAYS);
    await assert.rejects(bootMachine(machine), /Cannot boot the virtual machine: QEMU ended/);
    assert.deepEqual(machine.warnings, []);
  });

  test('who is interrupted decides about the machine', async (t) => {
    const machine = await scripted(t, `${SAYS}; ${STANDS}`);
    const signal = AbortSignal.timeout(50);
    await assert.rejects(bootMachine({ ...machine, signal }), { name: 'TimeoutError' });
    process.kill(machine.vms[0]!.pid, 0);
  });
});
