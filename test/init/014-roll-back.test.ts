// Trials that end badly: why the device goes back, and what it remembers of it in the old slot.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Init } from '../../src/device/init/init.ts';
import { INIT_API } from '../../src/shared/api/init-api.ts';
import type { UpdateRecord } from '../../src/shared/update/update-state.ts';
import { service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { FINE, TestClock, TrialDevice } from '../support/init/trial-device.ts';

/** The device has decided to go back; the old slot tells of it. */
async function recordAfterwards(device: TrialDevice): Promise<UpdateRecord | undefined> {
  assert.equal(await device.down(), 'power restart');
  assert.ok(!device.sys.log.includes('commit b'));
  await device.boot('a');
  const { trial, history, committed } = await device.state();
  assert.deepEqual([trial, committed, history.length], [null, 'a', 1]);
  assert.equal(history[0]?.outcome, 'rolled back');
  return history[0];
}

test('an app that crashes three times in 30 s', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  const { id } = (await device.state()).trial ?? {};
  await device.crash('sensor');
  await device.advance(10);
  assert.deepEqual(await device.waitsFor(), [
    'app sensor has run for 10 of 30 s since it exited with code 1',
    'the services have run for 10 of 30 s',
  ]);
  await device.crash('sensor');
  await device.advance(5);
  device.process('sensor').write('cannot open /dev/i2c-1\n', 'stderr');
  device.process('sensor').exit({ code: 1 });
  await device.advance(2);
  const record = await recordAfterwards(device);
  assert.deepEqual(
    [record?.id, record?.reason, record?.lastLines?.of],
    [id, 'app sensor exited with code 1 three times in 30 s', 'sensor'],
  );
  assert.deepEqual(record?.lastLines?.lines.slice(-3, -1), ['cannot open /dev/i2c-1', 'exited with code 1']);
});

test('crashes further apart let a trial go on, to the end of its time', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  for (let seconds = 0; seconds < 300; seconds += 20) {
    assert.notEqual((await device.state()).trial, null);
    await device.crash('sensor');
    await device.advance(20);
  }
  const record = await recordAfterwards(device);
  assert.equal(
    record?.reason,
    'it was not well within 5 minutes: app sensor has run for 20 of 30 s since it exited with code 1',
  );
});

test('an app that does not start again after a failure', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('job', { restart: 'never' })];
  await device.bootTrial();
  await device.crash('job', 2);
  await device.advance(1);
  assert.equal((await recordAfterwards(device))?.reason, 'app job exited with code 2');
});

test('an app that cannot be executed', async () => {
  using sys = new RecordingSys({
    spawn({ argv }) {
      if (argv[0] === '/user/broken') throw new Error('ENOEXEC');
    },
  });
  const device = new TrialDevice(sys);
  await device.boot('a');
  device.services = [...device.services, service('broken', { restart: 'never' })];
  await device.startTrial();
  await device.down();
  await device.boot('b');
  await device.advance(1);
  assert.equal((await recordAfterwards(device))?.reason, 'app broken could not be started: ENOEXEC');
});

test('a page that does not answer for a minute, when all else runs', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  const problem = [{ name: 'page', problem: 'answers 500' }];
  await device.advance(50);
  await device.advance(60, problem);
  assert.deepEqual(await device.waitsFor(), ['the page: answers 500']);
  await device.advance(1, problem);
  const record = await recordAfterwards(device);
  assert.deepEqual([record?.reason, record?.lastLines?.of], ['the page: answers 500', 'web']);
});

test('a page that comes back in time is forgiven', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  for (let round = 0; round < 3; round++) {
    await device.advance(55, [{ name: 'page', problem: 'answers 500' }]);
    await device.advance(5);
  }
  assert.deepEqual(await device.waitsFor(), []);
});

test('a page that was never looked at, as on a computer with too much to do, has all the time of the trial', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  await device.clock.advance(290);
  assert.deepEqual(await device.waitsFor(), ['the page: has not been looked at yet']);
  await device.clock.advance(10);
  const record = await recordAfterwards(device);
  assert.deepEqual(
    [record?.reason, record?.lastLines?.of],
    ['it was not well within 5 minutes: the page: has not been looked at yet', 'web'],
  );
});

test('a health URL of an app', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('api', { health: { url: 'http://localhost:8080/health' } })];
  await device.bootTrial();
  await device.advance(65, [...FINE, { name: 'health of api', problem: 'answers 500' }]);
  const record = await recordAfterwards(device);
  assert.deepEqual([record?.reason, record?.lastLines?.of], ['health of api: answers 500', 'api']);
});

test('a key that is not its certificate’s, and a network that is lost, are told together', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.network(['10.0.2.15/24']);
  await device.boot('a');
  await device.startTrial();
  await device.down();
  device.network([]);
  await device.boot('b');
  await device.advance(95, [...FINE, { name: 'page over HTTPS', problem: 'does not answer: ECONNRESET' }]);
  const record = await recordAfterwards(device);
  assert.deepEqual(
    [record?.reason, record?.lastLines?.of],
    [
      'the network: no IPv4 address with a router, as there was before; the page over HTTPS: does not answer: ECONNRESET',
      'init',
    ],
  );
});

test('a network that was there before', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.network(['10.0.2.15/24', 'fe80::1/64', '2001:db8::1/64']);
  await device.boot('a');
  await device.startTrial();
  await device.down();
  device.network(['10.0.2.15/24', 'fe80::1/64'], []);
  await device.boot('b');
  await device.advance(40);
  assert.deepEqual(await device.waitsFor(), [
    'the network: no IPv4 address with a router and no global IPv6 address, as there was before',
  ]);
  device.network(['10.0.2.15/24', '2001:db8::1/64']);
  assert.deepEqual(await device.waitsFor(), []);
  device.network(['10.0.2.15/24']);
  await device.advance(65);
  const record = await recordAfterwards(device);
  assert.equal(record?.reason, 'the network: no global IPv6 address, as there was before');
});

test('nobody who confirms', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  await device.advance(299);
  assert.deepEqual(await device.waitsFor(), []);
  await device.advance(1);
  const record = await recordAfterwards(device);
  assert.deepEqual(
    [record?.reason, record?.lastLines?.of],
    ['nobody confirmed within 5 minutes: the client was not heard again', 'init'],
  );
});

test('tskrazy.trial-sec makes the time shorter, never longer', async () => {
  for (const [word, expectedMs] of [
    ['tskrazy.trial-sec=20', 20_000],
    ['tskrazy.trial-sec=900', 300_000],
    ['tskrazy.trial-sec=soon', 300_000],
  ] as const) {
    using sys = new RecordingSys();
    const device = new TrialDevice(sys);
    device.kernelArguments = word;
    await device.boot('b');
    const { trial } = await device.state();
    assert.equal((trial?.deadlineAtMs ?? 0) - (trial?.startedAtMs ?? 0), expectedMs);
  }
});

test('somebody who wants the old build back', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  const asked = await device.ask('POST', INIT_API.updateRollback, { who: 'the page' });
  assert.equal(asked.status, 202);
  assert.deepEqual(await device.waitsFor(), ['is being rolled back: rolled back by the page']);
  assert.equal((await recordAfterwards(device))?.reason, 'rolled back by the page');
});

test('somebody who restarts the device', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  await device.ask('POST', INIT_API.reboot);
  const record = await recordAfterwards(device);
  assert.equal(record?.reason, 'it was restarted during the trial: asked for by the control API');
});

test('init itself, when something happens that must not', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  const init = await device.bootTrial();
  await init.giveUp(new Error('a bug'));
  const record = await recordAfterwards(device);
  assert.deepEqual([record?.reason, record?.lastLines?.of], ['it went down: fatal: a bug', 'init']);
  assert.ok(record?.lastLines?.lines.some((line) => line === 'fatal: a bug; the device restarts'));
});

test('a /perm that the new build cannot use', async () => {
  using sys = new RecordingSys({
    mount({ type }) {
      if (type === 'ext4' && isBroken) throw new Error('ENODEV: mount failed');
    },
  });
  let isBroken = false;
  const device = new TrialDevice(sys);
  await device.boot('a');
  await device.startTrial();
  await device.down();
  isBroken = true;
  await device.boot('b');
  await device.advance(40);
  assert.deepEqual(await device.waitsFor(), ['/perm cannot be used: ENODEV: mount failed']);
  await device.advance(30);
  assert.equal(await device.down(), 'power restart');
});

test('a disk that does not take the commit', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial({ confirmBy: 'device' });
  device.bootSwitch.commitError = new Error('EIO: write failed');
  await device.advance(300);
  const record = await recordAfterwards(device);
  assert.equal(record?.reason, 'the boot loader cannot be told: EIO: write failed');
});

test('a commit that reached the disk and failed is taken back', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial({ confirmBy: 'device' });
  const { bootSwitch } = device;
  bootSwitch.commit = async (slot) => {
    bootSwitch.committedSlot = slot;
    if (slot === 'b') throw new Error('EIO: read failed');
  };
  await device.advance(300);
  const record = await recordAfterwards(device);
  assert.equal(record?.reason, 'the boot loader cannot be told: EIO: read failed');
});

test('a disk that does not answer when it should take the commit', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial({ confirmBy: 'device' });
  device.bootSwitch.commit = () => new Promise<void>(() => {});
  await device.advance(299);
  assert.equal((await device.ask('POST', INIT_API.updateRollback, { who: 'tsk' })).status, 409);
  await device.advance(1);
  const record = await recordAfterwards(device);
  assert.equal(record?.reason, 'the boot loader cannot be told: the disk does not answer');
});

test('a boot loader that the new build cannot read', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.boot('a');
  await device.startTrial();
  await device.down();
  device.bootSwitch.readError = new Error('"loader.conf" names no slot');
  await device.boot('b');
  assert.equal((await device.state()).trial?.who, 'tsk on michael@laptop');
  await device.advance(300);
  assert.equal(await device.down(), 'power restart');
  // Should it come up here again, it is not tried again.
  const again: Init = await device.boot('b');
  assert.equal((await device.state()).trial, null);
  await again.power('restart', 'test');
  device.bootSwitch.readError = null;
  const record = await recordAfterwards(device);
  assert.match(record?.reason ?? '', /^nobody confirmed within 5 minutes/);
});

test('a trial that cannot be supervised', async (t) => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.boot('a');
  await device.startTrial();
  await device.down();
  const { mock } = t.mock.method(TestClock.prototype, 'every', () => {
    throw new Error('no timers');
  });
  void device.boot('b');
  assert.equal(await device.down(), 'power restart');
  mock.restore();
});

test('a boot that does not come to its end', async () => {
  using sys = new RecordingSys();
  sys.run = () => new Promise(() => {});
  const device = new TrialDevice(sys);
  // Asks for a format, which hangs.
  device.isPermBlank = true;
  void device.boot('b');
  await device.listens();
  while ((await device.state()).trial === null);
  assert.ok((await device.waitsFor())?.includes('/perm is still being prepared'));
  await device.advance(300);
  assert.equal(await device.down(), 'power restart');
});

test('a device that cannot go back any more stays where it is well', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.bootTrial();
  for (let count = 0; count < 2; count++) {
    await device.ask('POST', INIT_API.updateRollback, { who: 'tsk' });
    assert.equal(await device.down(), 'power restart');
    // The loader finds nothing to start in slot a.
    await device.boot('b');
  }
  assert.equal((await device.state()).trial?.confirmBy, 'device');
  await device.advance(35);
  const { trial, committed, history } = await device.state();
  assert.deepEqual([trial, committed, history[0]?.outcome], [null, 'b', 'confirmed']);
});

test('a way down that begins while a trial is asked for', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  const init = await device.boot('a');
  device.bootSwitch.afterArm = () => void init.power('poweroff', 'power button');
  assert.deepEqual(await device.startTrial(), {
    status: 409,
    body: { error: 'The device is shutting down', code: 'shutting-down' },
  });
  assert.equal(await device.down(), 'power poweroff');
  assert.ok(sys.log.includes('disarm'));
  await device.boot('a');
  assert.deepEqual((await device.state()).history, []);
});
