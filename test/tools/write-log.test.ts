// The rig of the power-cut test, against what it stands on: QEMU's own log of a disk's writes.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { QmpClient } from '../../src/host/vm/qmp.ts';
import { type CutPolicy, RecordedDisk } from '../support/power-cut/recorded-disk.ts';
import { recordingArguments, WriteLog } from '../support/power-cut/write-log.ts';
import { requireTool } from '../support/require-tool.ts';

const DISK_BYTES = 8 * 2 ** 20;

/** Runs QEMU's monitor commands on a recorded disk of zeros, in a machine that never starts. */
async function record(
  t: TestContext,
  qemu: string,
  ...sessions: readonly (readonly string[])[]
): Promise<{ image: string; diskAfter: Uint8Array; log: WriteLog }> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-write-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const [image, disk, logPath, socket] = ['image', 'disk', 'log', 'qmp'].map((name) => join(directory, name));
  for (const path of [image!, disk!]) {
    writeFileSync(path, '');
    truncateSync(path, DISK_BYTES);
  }
  const args = [
    ['-machine', 'q35', '-accel', 'tcg', '-S', '-display', 'none', '-monitor', 'none'],
    ['-drive', `if=none,id=disk,format=raw,discard=unmap,file=${disk}`],
    ['-qmp', `unix:${socket},server=on,wait=off`],
    recordingArguments(logPath!),
  ];
  for (const commands of sessions) await runCommands(t, [qemu, ...args.flat()], socket!, commands);
  const log = WriteLog.open(logPath!);
  t.after(() => log.close());
  return { image: image!, diskAfter: readFileSync(disk!), log };
}

async function runCommands(
  t: TestContext,
  [program, ...args]: readonly string[],
  socket: string,
  commands: readonly string[],
): Promise<void> {
  const machine = spawn(program!, args);
  t.after(() => machine.kill('SIGKILL'));
  const client = await connect(machine, socket);
  for (const command of commands) {
    const said = await client.monitor(`qemu-io disk "${command}"`);
    assert.doesNotMatch(said, /error|failed/i, command);
  }
  const ended = once(machine, 'exit');
  await client.execute('quit').catch(() => undefined);
  await ended;
  client.close();
}

async function connect(machine: ChildProcess, socket: string): Promise<QmpClient> {
  while (machine.exitCode === null) {
    // The socket is there before anybody listens.
    const client = await QmpClient.connect(socket).catch(() => undefined);
    if (client) return client;
    await delay(10);
  }
  throw new Error('QEMU has ended');
}

test('what QEMU logs of writes, flushes and discards gives the disk again, and what a cut leaves of it', async (t) => {
  const qemu = requireTool(t, 'qemu-system-x86_64');
  if (!qemu) return;
  const commands = [
    'write -P 1 0 64k',
    'flush',
    'write -P 2 1M 1k',
    'write -P 3 60k 8k',
    'discard 0 4k',
    'flush',
    'write -P 4 2M 512',
    'write -z 64k 4k',
    'write -P 5 3M 2k',
  ];
  const { image, diskAfter, log } = await record(t, qemu, commands);
  const kinds = log.entries.map(({ kind }) => kind);
  const expected = ['write', 'flush', 'write', 'write', 'discard', 'flush', 'write', 'write'];
  assert.deepEqual(kinds.slice(0, expected.length), expected);
  const disk = new RecordedDisk(image, log);
  t.after(() => disk.close());
  const read = async (cut: number, policy: CutPolicy): Promise<Uint8Array> =>
    disk.cut(cut, policy).read(0, DISK_BYTES);

  assert.ok(disk.advance());
  assert.equal(disk.flushed, 2);
  const none = await read(5, { kind: 'none' });
  assert.deepEqual(bytesAt(none, 0, 61 * 1024, 1 << 20), [1, 1, 0]);
  const all = await read(5, { kind: 'all' });
  assert.deepEqual(bytesAt(all, 0, 4096, 61 * 1024, 65 * 1024, 1 << 20), [0, 1, 3, 3, 2]);
  // Cut before the discard.
  assert.deepEqual(bytesAt(await read(4, { kind: 'all' }), 0, 65 * 1024), [1, 3]);
  await assertDraws((seed) => read(5, { kind: 'subset', seed }), none, all);
  await assertDraws((seed) => read(5, { kind: 'torn', seed }), none, all);

  while (disk.advance());
  assert.equal(Buffer.compare(await read(log.entries.length, { kind: 'all' }), diskAfter), 0);
});

function bytesAt(bytes: Uint8Array, ...offsets: number[]): (number | undefined)[] {
  return offsets.map((offset) => bytes[offset]);
}

/** Sectors of a draw are old or new; not all draws are alike, and one seed gives one draw. */
async function assertDraws(
  draw: (seed: number) => Promise<Uint8Array>,
  none: Uint8Array,
  all: Uint8Array,
): Promise<void> {
  const different = new Set<string>();
  for (let seed = 1; seed <= 8; seed++) {
    const bytes = await draw(seed);
    assert.equal(Buffer.compare(bytes, await draw(seed)), 0);
    let choices = '';
    for (let at = 0; at < DISK_BYTES; at += 512) {
      const [now, before, after] = [bytes, none, all].map((each) => each.subarray(at, at + 512));
      if (Buffer.compare(before!, after!) === 0) continue;
      const isNew = Buffer.compare(now!, after!) === 0;
      assert.ok(isNew || Buffer.compare(now!, before!) === 0, `sector ${at / 512} is neither old nor new`);
      choices += isNew ? '1' : '0';
    }
    different.add(choices);
  }
  assert.ok(different.size > 3);
}

test('a machine that is another process after each restart goes on with its log', async (t) => {
  const qemu = requireTool(t, 'qemu-system-x86_64');
  if (!qemu) return;
  const sessions = [
    ['write -P 1 0 64k', 'flush', 'write -P 2 1M 1k'],
    ['write -P 3 60k 8k', 'flush'],
    ['write -P 4 2M 512'],
  ];
  const { image, diskAfter, log } = await record(t, qemu, ...sessions);
  const writes = log.entries.filter(({ kind }) => kind === 'write');
  assert.equal(writes.length, 4);
  const disk = new RecordedDisk(image, log);
  t.after(() => disk.close());
  while (disk.advance());
  const state = disk.cut(log.entries.length, { kind: 'all' });
  assert.equal(Buffer.compare(await state.read(0, DISK_BYTES), diskAfter), 0);
});
