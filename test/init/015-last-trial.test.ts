// Trials that could not say how they ended: what the old slot makes of what they left behind.

import assert from 'node:assert/strict';
import { rmSync, statSync } from 'node:fs';
import { test } from 'node:test';
import type { UpdateRecord } from '../../src/shared/update/update-state.ts';
import { consoleLines } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { TrialDevice } from '../support/init/trial-device.ts';

const MEMORY = '/perm/tskrazy/updates.json';

async function askForTrial(device: TrialDevice): Promise<void> {
  await device.boot('a');
  await device.startTrial();
  assert.equal(await device.down(), 'restart into the trial');
}

async function lastRecord(device: TrialDevice): Promise<UpdateRecord | undefined> {
  const { trial, history } = await device.state();
  assert.deepEqual([trial, history.length], [null, 1]);
  return history[0];
}

test('a trial that did not get as far as its first line', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  await device.boot('a');
  const record = await lastRecord(device);
  assert.deepEqual(
    [record?.outcome, record?.reason, record?.bootId, record?.lastLines],
    ['did not start', 'the new build did not come up: panic, hang or power cut', null, null],
  );
  assert.ok(
    consoleLines(sys).includes(
      'init: trial of build b2: did not start: the new build did not come up: panic, hang or power cut',
    ),
  );
});

test('a trial that the device never got to', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  device.bootSwitch.trace = null;
  await device.boot('a');
  const record = await lastRecord(device);
  assert.deepEqual(
    [record?.outcome, record?.reason],
    ['did not start', 'the start on trial did not happen: another restart or a power cut came before it'],
  );
});

test('a trial that ends without a word leaves its logs', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  const trial = await device.boot('b');
  trial.device.log.say('about to hang');
  // The log keeper does that by itself every few seconds.
  await trial.device.logKeeper.flush();
  const { id } = trial.device.bootRecord();
  await device.boot('a');
  const record = await lastRecord(device);
  assert.deepEqual(
    [record?.outcome, record?.reason, record?.bootId, record?.lastLines?.of],
    ['rolled back', 'it did not go on: panic, hang or power cut', id, 'init'],
  );
  assert.equal(record?.lastLines?.lines.at(-1), 'about to hang');
});

test('of a kernel in trouble, the kernel has the last word', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  sys.file('/dev/kmsg', '3,1,5000,-;EXT4-fs error: bad block\n');
  const trial = await device.boot('b');
  await trial.device.logKeeper.flush();
  await device.boot('a');
  const record = await lastRecord(device);
  assert.deepEqual(record?.lastLines, { of: 'kernel', lines: ['EXT4-fs error: bad block'] });
});

test('a trial that left no logs either', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  const trial = await device.boot('b');
  const { id } = trial.device.bootRecord();
  await trial.device.logKeeper.flush();
  rmSync(sys.path('/perm/log'), { recursive: true });
  await device.boot('a');
  const record = await lastRecord(device);
  assert.deepEqual([record?.outcome, record?.bootId, record?.lastLines], ['rolled back', id, null]);
});

test('a firmware that forgets: the trial starts without it, once', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  const before = sys.log.length;
  device.bootSwitch.trace = 'lost';
  await device.boot('a');
  assert.equal(await device.down(), 'restart into the trial');
  assert.deepEqual(
    sys.log.slice(before).filter((line) => line.startsWith('arm')),
    ['arm b'],
  );
  assert.ok(
    consoleLines(sys).includes(
      'init: trial of build b2: the firmware forgot to start it, so it is started without the firmware',
    ),
  );
  const trial = await device.boot('b');
  assert.equal((await device.state()).trial?.who, 'tsk on michael@laptop');
  await trial.power('restart', 'test');
  await device.boot('a');
  assert.equal((await lastRecord(device))?.outcome, 'rolled back');
});

test('until it is known what came of the last trial, no other begins', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  const { promise: trace, resolve } = Promise.withResolvers<'kept'>();
  device.bootSwitch.takeTrace = () => trace;
  const booting = device.boot('a');
  // At first it is the start before that answers.
  while ((await device.state()).isStarting !== true);
  const { status, body } = await device.startTrial();
  assert.deepEqual(
    [status, body],
    [409, { error: 'Cannot try build b2 in slot b: the device is still starting', code: 'still-starting' }],
  );
  resolve('kept');
  await booting;
  assert.equal((await device.state()).isStarting, undefined);
  assert.equal((await lastRecord(device))?.outcome, 'did not start');
});

test('a firmware that forgets, on a device that has no other way', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  device.bootSwitch.trace = 'lost';
  device.bootSwitch.armError = new Error('This device has no way to start another slot for a trial');
  await device.boot('a');
  const record = await lastRecord(device);
  assert.deepEqual(
    [record?.outcome, record?.reason],
    [
      'did not start',
      'the firmware forgot to start it, and Cannot ask for a start of slot b: This device has no way to start another slot for a trial',
    ],
  );
});

test('what was forgotten twice is not tried a third time', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  device.bootSwitch.trace = 'lost';
  await device.boot('a');
  await device.down();
  device.bootSwitch.trace = 'lost';
  await device.boot('a');
  assert.equal((await lastRecord(device))?.outcome, 'did not start');
});

test('a memory that is damaged costs only what is in it', async () => {
  for (const damage of [
    '',
    '{"formatVersion":1,"pen',
    '{"formatVersion":1,"pending":{},"history":[]}',
    '[]',
  ]) {
    using sys = new RecordingSys();
    const device = new TrialDevice(sys);
    await askForTrial(device);
    sys.file(MEMORY, damage);
    const { device: state } = await device.boot('b');
    assert.equal(state.warnings.length, 1);
    assert.match(state.warnings[0] ?? '', /^What came of earlier updates is lost: Cannot read /);
    assert.equal((await device.state()).trial?.who, 'unknown');
  }
});

test('the history is bounded, and the memory is for root alone', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  const first = await device.boot('a');
  const [record] = (await device.state()).history;
  const history = Array.from({ length: 20 }, (_, index) => ({ ...record, id: `earlier ${index}` }));
  sys.file(MEMORY, JSON.stringify({ formatVersion: 1, pending: null, history }));
  await first.power('restart', 'test');
  await askForTrial(device);
  await device.boot('a');
  const ids = (await device.state()).history.map(({ id }) => id);
  assert.deepEqual([ids.length, ids[1], ids.at(-1)], [20, 'earlier 0', 'earlier 18']);
  assert.equal(statSync(sys.path(MEMORY)).mode & 0o777, 0o600);
});

test('what is said at the start of a trial is on the medium before anything else can happen', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await askForTrial(device);
  const trial = await device.boot('b');
  let lines: readonly { text: string }[] = [];
  while (lines.length === 0) lines = (await trial.device.logKeeper.lines(0, 'init')) ?? [];
  assert.ok(lines.some(({ text }) => text === 'trial of slot b, build b2, for at most 300 s'));
});
