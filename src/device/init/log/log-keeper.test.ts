// The keeper on real directories: what it leaves behind, and what it does when the storage is of no use.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { KeptLimits, StoredBoot } from './kept-boots.ts';
import { LogKeeper } from './log-keeper.ts';
import { LogRing } from './log-ring.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tsk-keeper-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const LIMIT_MS = 10_000;

class Boot {
  readonly app = new LogRing();
  readonly init = new LogRing();
  readonly keeper: LogKeeper;
  nowMs = 0;

  constructor(directory: string, limits?: KeptLimits) {
    this.keeper = new LogKeeper({
      directory,
      say: (text) => this.init.append('stdout', text),
      now: () => this.nowMs,
      ...(limits === undefined ? {} : { limits }),
    });
    this.keeper.keep('app', this.app);
    this.keeper.keep('init', this.init);
  }

  start(id: string): void {
    const boot: StoredBoot = { id, buildId: `build of ${id}`, slot: 'a', bootedAtMs: 1000, end: null };
    this.keeper.start(boot);
  }

  said(): string[] {
    return this.init.last(100).map(({ text }) => text);
  }
}

function makeDirectory(): string {
  return join(mkdtempSync(join(scratch, 'perm-')), 'log');
}

async function texts(boot: Boot, number: number, log = 'app'): Promise<string[] | undefined> {
  return (await boot.keeper.lines(number, log))?.map(({ text }) => text);
}

test('LogKeeper keeps what was said before and after its start, for the boots to come', async () => {
  const directory = makeDirectory();
  const first = new Boot(directory);
  first.app.append('stdout', 'before');
  first.start('one');
  first.app.append('stderr', 'after');
  first.init.append('stdout', 'going down');
  await first.keeper.close('reboot: asked for', LIMIT_MS);
  first.app.append('stdout', 'too late');

  const second = new Boot(directory);
  second.start('two');
  second.app.append('stdout', 'second');
  await second.keeper.flush();
  const [record, ...others] = await second.keeper.boots();
  assert.deepEqual(others, []);
  assert.equal(record?.boot, -1);
  assert.deepEqual(
    { id: record.id, buildId: record.buildId, slot: record.slot, how: record.end?.how, logs: record.logs },
    { id: 'one', buildId: 'build of one', slot: 'a', how: 'reboot: asked for', logs: ['app', 'init'] },
  );
  const lines = (await second.keeper.lines(-1, 'app')) ?? [];
  assert.deepEqual(
    lines.map(({ stream, text }) => [stream, text]),
    [
      ['stdout', 'before'],
      ['stderr', 'after'],
    ],
  );
  assert.deepEqual(await texts(second, -1, 'init'), ['going down']);
  assert.deepEqual(await texts(second, 0), ['second']);
  assert.deepEqual(await texts(second, -1, 'nobody'), []);
  assert.equal(await texts(second, -2), undefined);
  second.keeper.giveUp();
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

test('LogKeeper asks a log that is polled at every flush', async () => {
  const directory = makeDirectory();
  const boot = new Boot(directory);
  let seq = 0;
  boot.keeper.keepPolled('kernel', () => [{ seq, timeMs: 0, stream: 'stdout', text: `poll ${seq++}` }]);
  boot.start('one');
  await boot.keeper.flush();
  await boot.keeper.flush();
  assert.deepEqual(await texts(boot, 0, 'kernel'), ['poll 0', 'poll 1']);
  boot.keeper.giveUp();
});

test('LogKeeper limits what a flooding log writes, and says what is missing', async () => {
  const directory = makeDirectory();
  const boot = new Boot(directory);
  boot.start('one');
  for (let round = 0; round < 40; round++) {
    for (let line = 0; line < 1000; line++) boot.app.append('stdout', `line ${line} of round ${round}`);
    await boot.keeper.flush();
  }
  boot.init.append('stdout', 'unharmed');
  await boot.keeper.flush();
  const sizes = readdirSync(join(directory, '000001')).map(
    (name) => statSync(join(directory, '000001', name)).size,
  );
  assert.ok(Math.max(...sizes) < 520 * 1024, String(sizes));
  assert.deepEqual(await texts(boot, 0, 'init'), ['unharmed']);
  // A minute without a flood gives room again.
  boot.nowMs = 60_000;
  boot.app.append('stdout', 'quiet again');
  await boot.keeper.flush();
  const kept = (await texts(boot, 0)) ?? [];
  assert.equal(kept.at(-1), 'quiet again');
  assert.match(kept.at(-2) ?? '', /^\d+ lines left out: too many to be kept$/);
  boot.keeper.giveUp();
});

test('LogKeeper removes the oldest boots, then the older half of its own logs', async () => {
  const directory = makeDirectory();
  for (const id of ['one', 'two', 'three', 'four']) {
    const boot = new Boot(directory, { boots: 3, totalBytes: 1024 * 1024 });
    boot.start(id);
    boot.app.append('stdout', id);
    await boot.keeper.close('reboot', LIMIT_MS);
  }
  assert.deepEqual(readdirSync(directory).toSorted(), ['000002', '000003', '000004']);

  const last = new Boot(directory, { boots: 3, totalBytes: 300 * 1024 });
  last.start('five');
  for (let round = 0; round < 40; round++) {
    last.nowMs += 20_000;
    for (let line = 0; line < 400; line++) last.app.append('stdout', 'x'.repeat(70));
    await last.keeper.flush();
  }
  assert.deepEqual(readdirSync(directory), ['000005']);
  const bytes = readdirSync(join(directory, '000005')).map(
    (name) => statSync(join(directory, '000005', name)).size,
  );
  // Looked after once for each MiB written; between, a log has at most its two files.
  assert.ok(bytes.reduce((sum, size) => sum + size, 0) < 600 * 1024, String(bytes));
  last.keeper.giveUp();
});

test('LogKeeper reads what a power cut has left', async () => {
  const directory = makeDirectory();
  const first = new Boot(directory);
  first.start('one');
  first.app.append('stdout', 'whole');
  await first.keeper.close('reboot', LIMIT_MS);
  appendFileSync(join(directory, '000001', 'app.log'), '2026-03-01T14:30:05.1');
  writeFileSync(join(directory, '000001', 'boot.json'), '{"id":"on');
  writeFileSync(join(directory, '000001', 'init.log'), Buffer.alloc(4096));
  mkdirSync(join(directory, 'lost'));
  const second = new Boot(directory);
  second.start('two');
  const [record] = await second.keeper.boots();
  assert.deepEqual([record?.id, record?.end, record?.logs], ['', null, ['app', 'init']]);
  assert.deepEqual(await texts(second, -1), ['whole']);
  assert.deepEqual(await texts(second, -1, 'init'), []);
  second.keeper.giveUp();
});

test('LogKeeper says once that it cannot write, stays bounded, and goes on when it can', async () => {
  const directory = makeDirectory();
  writeFileSync(directory, 'not a directory');
  const boot = new Boot(directory);
  boot.start('one');
  for (let round = 0; round < 5; round++) {
    for (let line = 0; line < 400; line++) boot.app.append('stdout', 'x'.repeat(1000));
    await boot.keeper.flush();
  }
  assert.equal(boot.said().length, 1);
  assert.match(boot.said()[0] ?? '', /^Cannot keep logs in \/perm: /);
  rmSync(directory);
  await boot.keeper.flush();
  const text = readFileSync(join(directory, '000001', 'app.log'), 'utf8');
  assert.ok(text.length < 300 * 1024);
  assert.match(text, /\* \d+ lines left out: too many to be kept\n$/);
  boot.keeper.giveUp();
});

test('LogKeeper makes one directory for its boot, also where others cannot be read', async () => {
  const directory = makeDirectory();
  const damaged = join(directory, '000001');
  mkdirSync(damaged, { recursive: true });
  symlinkSync('app.log', join(damaged, 'app.log'));
  const boot = new Boot(directory);
  boot.start('two');
  for (const line of ['one', 'two', 'three']) {
    boot.app.append('stdout', line);
    await boot.keeper.flush();
  }
  assert.deepEqual(readdirSync(directory), ['000001', '000002']);
  assert.deepEqual(await texts(boot, 0), ['one', 'two', 'three']);
});

test('LogKeeper begins anew when somebody has removed its directory', async () => {
  const directory = makeDirectory();
  const boot = new Boot(directory);
  boot.start('one');
  boot.app.append('stdout', 'gone');
  await boot.keeper.flush();
  rmSync(directory, { recursive: true });
  for (const line of ['lost', 'kept']) {
    boot.app.append('stdout', line);
    await boot.keeper.flush();
  }
  assert.deepEqual(await texts(boot, 0), ['1 line left out: too many to be kept', 'kept']);
  await boot.keeper.close('test', LIMIT_MS);
  assert.equal((await new Boot(directory).keeper.boots())[0]?.id, 'one');
});

test('LogKeeper.close leaves alone a storage that hangs, and lines go on being taken', async () => {
  const directory = makeDirectory();
  const boot = new Boot(directory);
  boot.start('one');
  boot.init.append('stdout', 'makes the directory');
  await boot.keeper.flush();
  // Nobody reads from the pipe, so that whoever opens it to write hangs.
  const pipe = join(directory, '000001', 'app.log');
  execFileSync('mkfifo', [pipe]);
  boot.app.append('stdout', 'never arrives');
  const hanging = boot.keeper.flush();
  for (let line = 0; line < 2000; line++) boot.app.append('stdout', 'x'.repeat(1000));
  await boot.keeper.close('reboot', 20);
  // Stays open until the writer has come, which may not even have begun, and takes what it writes, which may be
  // more than the pipe holds.
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const reading = setInterval(() => drain(reader), 1);
  await hanging;
  clearInterval(reading);
  closeSync(reader);
});

function drain(fd: number): void {
  const buffer = new Uint8Array(64 * 1024);
  try {
    while (readSync(fd, buffer) > 0);
  } catch (error) {
    // Empty for now.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}

test('LogKeeper that has given up follows no log any more, not even a new one', () => {
  const { keeper } = new Boot(makeDirectory());
  keeper.giveUp();
  keeper.keep('new', { follow: () => assert.fail('nobody would ever write what comes') });
});
