// A virtual machine of a Raspberry Pi that is left to itself: QEMU ends at each restart, and a process that stays reads from
// the disk what starts then. QEMU is a program that only speaks as QEMU does.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { processExists } from '../../src/host/process-exists.ts';
import { makeRoot, runTsk, startTsk, type TskRun, writeInstance } from '../support/cli/instances.ts';
import { eventually } from '../support/machines/appliance.ts';

const root = makeRoot('detached');
const instance = writeInstance(join(root, 'pi'), 'raspberry-pi');
writeFileSync(
  join(instance, 'src', 'main.ts'),
  "import { spawn } from 'node:child_process';\nspawn('ffmpeg');\n",
);
const FAKE = join(import.meta.dirname, '../fixtures/programs/fake-qemu.mjs');
const PROGRAM = `#!/bin/sh\nexec '${process.execPath}' '${FAKE}' "$@"\n`;
writeFileSync(join(root, 'qemu-system-aarch64'), PROGRAM, { mode: 0o755 });
const env = { PATH: `${root}:${process.env['PATH']}`, XDG_STATE_HOME: join(root, 'state') };

function tsk(...args: string[]): Promise<TskRun> {
  return runTsk(['-i', instance, ...args], { env });
}

interface Listed {
  pid: number;
  url: string;
}

async function listed(): Promise<Listed[]> {
  return (JSON.parse((await tsk('vm', 'list', '--json')).stdout) as { vms: Listed[] }).vms;
}

test('a detached machine restarts with what its disk starts, and on trial when it asks for that', async (t) => {
  const run = await tsk('vm', 'run', '--detach', '--json');
  assert.equal(run.code, 0, run.stdout + run.stderr);
  t.after(() => tsk('vm', 'stop'));
  const first = JSON.parse(run.stdout) as Listed & { warnings: string[] };
  // What is wrong with an app is said before it fails on the machine.
  assert.match(
    first.warnings.join('\n'),
    /^src\/main\.ts:2: "ffmpeg" is started, and no program of that name/,
  );
  const restart = async (before: number, words: string): Promise<number> => {
    await fetch(new URL(`restart?${words}`, first.url)).catch(() => undefined);
    // Whoever looks while it has no process forgets its record.
    rmSync(join(env.XDG_STATE_HOME, 'tskrazy', 'vms', `${before}.json`), { force: true });
    await eventually('another process', async () => {
      const [machine] = await listed();
      return machine !== undefined && machine.pid !== before;
    });
    const [machine] = await listed();
    assert.equal(machine!.url, first.url);
    assert.ok(!processExists(before));
    return machine!.pid;
  };
  const second = await restart(first.pid, '');
  // On a new disk config.txt and tryboot.txt start the same slot.
  await restart(second, encodeURIComponent('0 tryboot'));
  const console = readFileSync(join(instance, '.tskrazy', 'vm', 'console.log'), 'utf8');
  assert.deepEqual(console.match(/tskrazy\.slot=\w|command '.*'/g), [
    'tskrazy.slot=a',
    "command ''",
    'tskrazy.slot=a',
    "command '0 tryboot'",
    'tskrazy.slot=a',
  ]);
  const stop = await tsk('vm', 'stop');
  assert.deepEqual([stop.code, stop.stdout], [0, 'Powered off garden.\n'], stop.stderr);
  assert.deepEqual(await listed(), []);
  // Its keeper ends with it, and has nothing to complain of.
  assert.equal(readFileSync(join(instance, '.tskrazy', 'vm', 'keeper.log'), 'utf8'), '');
});

test('a command that is killed while its machine boots takes the machine along', async () => {
  // The page never says that it is up.
  const { child, ended } = startTsk(['-i', instance, 'vm', 'run', '--detach', '--offline'], {
    env: { ...env, FAKE_QEMU_STATUS: '503' },
  });
  await eventually('a machine', async () => (await listed()).length === 1);
  const [machine] = await listed();
  child.kill('SIGKILL');
  await ended;
  await eventually('its end', async () => !processExists(machine!.pid));
  assert.deepEqual(await listed(), []);
});

test('the command behind it refuses to be called by hand', async () => {
  const { code, stderr } = await tsk('vm', 'keep');
  assert.deepEqual(
    [code, stderr],
    [1, 'Error: Cannot keep a virtual machine: "tsk vm run --detach" starts this command by itself\n'],
  );
  assert.doesNotMatch((await tsk('vm', '--help')).stdout, /keep /);
});
