import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { type MachineRun, RestartingMachine, type RestartingOptions } from './restarting-machine.ts';

/** QEMU as far as this is concerned: a socket that says why it ends, and a console. */
class ScriptedRun {
  readonly run: MachineRun;
  readonly socketPath: string;
  readonly #clients: Socket[] = [];
  #end: () => void = () => {};

  constructor(t: TestContext, directory: string, pid: number) {
    this.socketPath = join(directory, `watch-${pid}`);
    const server = createServer((client) => {
      this.#clients.push(client);
      client.write('{"QMP": {}}\n');
      client.on('error', () => {});
      createInterface({ input: client })
        .on('line', (line) => this.#answer(client, (JSON.parse(line) as { execute: string }).execute))
        .on('error', () => {});
    });
    server.listen(this.socketPath);
    t.after(() => {
      for (const client of this.#clients) client.destroy();
      server.close();
    });
    this.run = {
      pid,
      accelerator: 'tcg',
      qmpSocketPath: `qmp-${pid}`,
      consolePath: join(directory, 'console.log'),
      ports: new Map([[80, 8080]]),
      ended: new Promise((resolve) => (this.#end = resolve)),
      restartsItself: true,
      letGo: () => {},
    };
  }

  /** It never reads from its disk. */
  #answer(client: Socket, command: string): void {
    client.write(`{"return": ${command === 'query-blockstats' ? '[]' : '{}'}}\n`);
    if (command === 'system_reset') void this.ends('host-qmp-system-reset');
  }

  prints(text: string): void {
    appendFileSync(this.run.consolePath, `${text}\n`);
  }

  async ends(reason: string | undefined): Promise<void> {
    for (const client of this.#clients) {
      if (reason !== undefined) client.write(`{"event": "SHUTDOWN", "data": {"reason": "${reason}"}}\n`);
      await new Promise<void>((resolve) => client.end(() => resolve()));
    }
    this.#end();
  }
}

async function machineOf(
  t: TestContext,
  kernelWatchdogSec: number | null = null,
): Promise<{
  machine: RestartingMachine;
  runs: ScriptedRun[];
  trials: boolean[];
  restarted: (count: number) => Promise<void>;
  failures: unknown[];
  resets: () => number;
}> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-restart-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const runs: ScriptedRun[] = [];
  const trials: boolean[] = [];
  const failures: unknown[] = [];
  let restarts = 0;
  let resets = 0;
  let onRestarted: (() => void) | undefined;
  const options: RestartingOptions = {
    async launch(isTrial, previous) {
      assert.equal(previous?.pid, runs.at(-1)?.run.pid);
      if (runs.length === 3) throw new Error('the disk starts nothing');
      const scripted = new ScriptedRun(t, directory, runs.length + 1);
      runs.push(scripted);
      trials.push(isTrial);
      return scripted.run;
    },
    kernelWatchdogSec,
    onReset: () => void resets++,
    watchSocketPathOf: ({ pid }) => runs[pid - 1]!.socketPath,
    async onRestart() {
      restarts++;
      onRestarted?.();
    },
    onFailure: (error) => failures.push(error),
  };
  const machine = await RestartingMachine.start(options);
  const restarted = (count: number): Promise<void> =>
    new Promise((resolve) => {
      onRestarted = () => void (restarts >= count && resolve());
      onRestarted();
    });
  return { machine, runs, trials, restarted, failures, resets: () => resets };
}

test('a machine that restarts goes on in another process, on trial once when the guest asks for it', async (t) => {
  const { machine, runs, trials, restarted, failures } = await machineOf(t);
  runs[0]!.prints('[    0.000000] Booting Linux on physical CPU 0x0');
  runs[0]!.prints("[   12.3] reboot: Restarting system with command '0 tryboot'");
  await runs[0]!.ends('guest-reset');
  await restarted(1);
  assert.deepEqual([machine.pid, machine.qmpSocketPath], [2, 'qmp-2']);
  // What was on trial was no kernel: it has printed nothing when the watchdog ends it.
  await runs[1]!.ends('guest-reset');
  await restarted(2);
  assert.deepEqual(trials, [false, true, false]);
  await runs[2]!.ends('guest-reset');
  await machine.ended;
  assert.match(String(failures[0]), /the disk starts nothing/);
});

test('a kernel on trial that does not come up is reset by the watchdog of the firmware, and the next start is none on trial', async (t) => {
  const { runs, trials, restarted, resets } = await machineOf(t, 0);
  runs[0]!.prints("reboot: Restarting system with command '0 tryboot'");
  await runs[0]!.ends('guest-reset');
  await restarted(2);
  assert.deepEqual([trials, resets()], [[false, true, false], 1]);
});

test('a machine that powers itself off, or whose process is killed, has ended', async (t) => {
  for (const reason of ['guest-shutdown', undefined]) {
    const { machine, runs, failures } = await machineOf(t);
    await runs[0]!.ends(reason);
    await machine.ended;
    assert.deepEqual([runs.length, failures], [1, []]);
  }
});
