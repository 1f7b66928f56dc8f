// A trial that ends well: from the request over the restart to the one write that makes it last.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INIT_API } from '../../src/shared/api/init-api.ts';
import type { TrialCheck } from '../../src/shared/update/update-state.ts';
import { consoleLines, service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { FINE, TrialDevice } from '../support/init/trial-device.ts';

const CONFIRM = { buildId: 'b2', who: 'tsk on michael@laptop' };

test('a trial is asked for, started, found well and confirmed by the client', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.boot('a');
  const booted = sys.log.length;
  const asked = await device.startTrial();
  assert.equal(asked.status, 202);
  assert.deepEqual((await device.state()).trial?.waitsFor, ['the device restarts into slot b']);
  await device.down();
  assert.deepEqual(sys.log.slice(booted), [
    'arm b',
    'kill -101 SIGTERM',
    'kill -100 SIGTERM',
    'sync, unmount /perm',
    'restart into the trial',
  ]);

  const init = await device.boot('b');
  const started = sys.log.length;
  const { trial, ...state } = await device.state();
  assert.deepEqual(state, {
    running: 'b',
    committed: 'a',
    appsFrom: null,
    trialStart: 'efi-variable',
    history: [],
  });
  assert.deepEqual(trial?.waitsFor, [
    'the services have run for 0 of 30 s',
    'the page: has not been looked at yet',
  ]);
  assert.deepEqual(
    [trial.who, trial.confirmBy, trial.fromBuildId, trial.deadlineAtMs - trial.startedAtMs],
    ['tsk on michael@laptop', 'client', 'b1', 300_000],
  );
  await device.advance(30);
  assert.deepEqual(await device.waitsFor(), []);
  const confirmed = await device.ask('POST', INIT_API.updateConfirm, CONFIRM);
  assert.equal(confirmed.status, 200);
  assert.deepEqual(sys.log.slice(started), ['commit b']);
  const after = await device.state();
  assert.deepEqual([after.committed, after.trial], ['b', null]);
  const [record, ...others] = after.history;
  assert.deepEqual(others, []);
  assert.deepEqual(
    [record?.outcome, record?.id, record?.fromBuildId, record?.toBuildId, record?.toSlot, record?.reason],
    ['confirmed', trial.id, 'b1', 'b2', 'b', null],
  );
  assert.equal(record?.bootId, init.device.bootRecord().id);
  assert.deepEqual(consoleLines(sys).slice(-4), [
    'init: trial: tsk on michael@laptop asked for it, a client has to confirm it',
    'init: services started 1234 ms after the kernel',
    'init: trial: all is well',
    'init: trial: confirmed by tsk on michael@laptop: slot b is what starts from now on',
  ]);
  await init.power('restart', 'test');

  const next = await device.boot('b');
  const { trial: none, history } = await device.state();
  assert.deepEqual([none, history], [null, after.history]);
  await next.power('restart', 'test');
});

test('what is not well yet cannot be confirmed, and the client hears what is missing', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  await device.advance(10, [{ name: 'page', problem: 'answers 500' }]);
  assert.deepEqual(await device.ask('POST', INIT_API.updateConfirm, CONFIRM), {
    status: 409,
    body: {
      error: 'Cannot confirm the trial: the services have run for 10 of 30 s; the page: answers 500',
      code: 'trial-unwell',
      waitsFor: ['the services have run for 10 of 30 s', 'the page: answers 500'],
    },
  });
  assert.deepEqual(await device.ask('POST', INIT_API.updateConfirm, { ...CONFIRM, buildId: 'b3' }), {
    status: 409,
    body: { error: 'Build b2 is on trial, not b3', code: 'no-trial' },
  });
  await device.advance(30);
  assert.equal((await device.ask('POST', INIT_API.updateConfirm, CONFIRM)).status, 200);
  assert.deepEqual(await device.ask('POST', INIT_API.updateConfirm, CONFIRM), {
    status: 409,
    body: { error: 'No trial is going on', code: 'no-trial' },
  });
  assert.equal((await device.ask('POST', INIT_API.updateRollback, { who: 'tsk' })).status, 409);
});

test('a device that may confirm by itself does so as soon as all is well', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial({ confirmBy: 'device' });
  await device.advance(29);
  assert.equal(device.bootSwitch.committedSlot, 'a');
  await device.advance(1);
  assert.equal(device.bootSwitch.committedSlot, 'b');
  assert.equal((await device.state()).history[0]?.outcome, 'confirmed');
});

test('programs that end well are well, whatever their restart policy makes of it', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [
    ...device.services,
    service('job', { restart: 'never' }),
    service('task', { restart: 'on-failure' }),
    service('again'),
    service('done'),
    service('by-hand', { autostart: false }),
  ];
  await device.bootTrial({ confirmBy: 'device' });
  for (const name of ['job', 'task', 'again']) device.process(name).exit({ code: 0 });
  device.process('done').exit({ code: 125 });
  await device.advance(30);
  assert.equal(device.bootSwitch.committedSlot, 'b');
});

test('an app that somebody stops during a trial holds nothing up', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  await device.ask('POST', INIT_API.serviceAction('sensor', 'stop'));
  await device.advance(30);
  assert.deepEqual(await device.waitsFor(), []);
});

test('an app that waited before may wait, one that begins to wait may not', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('camera', { waitFor: ['clock'] })];
  await device.boot('a');
  device.services = [...device.services, service('new', { waitFor: ['clock'] })];
  await device.startTrial();
  await device.down();
  await device.boot('b');
  await device.advance(40);
  assert.deepEqual(await device.waitsFor(), ['app new waits for the clock']);
});

function withHealth(problem: string | null): TrialCheck[] {
  return [...FINE, { name: 'health of api', problem }];
}

test('an app that does not run, and need not, is not asked for its health', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  const health = { url: 'http://localhost:8080/health' };
  device.services = [
    ...device.services,
    service('stopped', { health }),
    service('job', { health, restart: 'never' }),
    service('late', { health, waitFor: ['clock'] }),
  ];
  await device.bootTrial();
  await device.ask('POST', INIT_API.serviceAction('stopped', 'stop'));
  device.process('job').exit({ code: 0 });
  await device.advance(30);
  assert.deepEqual(await device.waitsFor(), []);
});

test('health URLs are waited for, and reports have to be recent', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('api', { health: { url: 'http://localhost:8080/health' } })];
  await device.bootTrial();
  await device.advance(30);
  assert.deepEqual(await device.waitsFor(), ['health of api: has not been looked at yet']);
  await device.advance(5, withHealth('answers 503'));
  assert.deepEqual(await device.waitsFor(), ['health of api: answers 503']);
  await device.advance(5, withHealth(null));
  assert.deepEqual(await device.waitsFor(), []);
  await device.clock.advance(10);
  assert.deepEqual(await device.waitsFor(), ['the page: has not been looked at for 15 s']);
});

test('a trial that nothing is remembered of is one nevertheless', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.boot('b');
  const { trial } = await device.state();
  assert.deepEqual([trial?.who, trial?.confirmBy, trial?.buildId], ['unknown', 'client', 'b2']);
  await device.advance(30);
  assert.equal((await device.ask('POST', INIT_API.updateConfirm, CONFIRM)).status, 200);
  assert.equal((await device.state()).history[0]?.outcome, 'confirmed');
});

test('a commit that fails is said and tried again', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  device.bootSwitch.commitError = new Error('EIO: write failed');
  await device.advance(30);
  assert.deepEqual(await device.ask('POST', INIT_API.updateConfirm, CONFIRM), {
    status: 500,
    body: {
      error: 'Cannot confirm the trial: the boot loader cannot be told: EIO: write failed',
      code: 'failed',
    },
  });
  assert.deepEqual(await device.waitsFor(), ['the boot loader cannot be told: EIO: write failed']);
  device.bootSwitch.commitError = null;
  await device.advance(6);
  assert.equal(device.bootSwitch.committedSlot, 'b');
  assert.equal((await device.state()).trial, null);
});

test('a power cut between the commit and its record is seen for what it was', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  device.bootSwitch.committedSlot = 'b';
  await device.boot('b');
  const { trial, history } = await device.state();
  assert.deepEqual([trial, history[0]?.outcome], [null, 'confirmed']);
});

test('what cannot be tried is refused', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  const errorOf = async (request = {}) => (await device.startTrial(request)).body as { error: string };
  await device.boot('a');
  assert.deepEqual(await errorOf({ slot: 'a' }), {
    error: 'Cannot try build b2 in slot a: the device runs from it',
    code: 'cannot-try',
  });
  device.bootSwitch.trialStart = null;
  assert.deepEqual(await errorOf(), {
    error: 'Cannot try build b2 in slot b: the boot loader of this device cannot try anything',
    code: 'cannot-try',
  });
  device.bootSwitch.trialStart = 'kexec';
  device.bootSwitch.armError = new Error('EPERM: kexec_file_load failed');
  assert.deepEqual(await errorOf(), {
    error: 'Cannot ask for a start of slot b: EPERM: kexec_file_load failed',
    code: 'failed',
  });
  assert.equal((await device.state()).trial, null);
  device.bootSwitch.armError = null;
  await device.startTrial();
  assert.deepEqual(await errorOf(), { error: 'The device is shutting down', code: 'shutting-down' });
  await device.down();
  await device.boot('b');
  assert.deepEqual(await errorOf({ slot: 'a' }), {
    error: 'Cannot try build b2 in slot a: a trial is going on',
    code: 'trial-going-on',
  });
});

test('without a boot loader that can be read there are no trials, and the device says so', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.bootSwitch.readError = new Error('"loader.conf" names no slot');
  const { device: state } = await device.boot('a');
  assert.deepEqual(state.warnings, [
    'Cannot find out which slot the boot loader starts: "loader.conf" names no slot',
  ]);
  assert.equal((await device.startTrial()).status, 409);
  assert.equal((await device.state()).committed, null);
});
