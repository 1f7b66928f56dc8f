// A trial without a restart: apps come from the other slot while the device goes on.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { AppSwitch } from '../../src/device/init/update/trials-options.ts';
import { INIT_API } from '../../src/shared/api/init-api.ts';
import type { DeviceConfig } from '../../src/shared/services/services.ts';
import type { Slot } from '../../src/shared/board/slots.ts';
import type { TrialRequest } from '../../src/shared/update/update-state.ts';
import { service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { TrialDevice } from '../support/init/trial-device.ts';

const LIVE = { mode: 'live', changedApps: ['sensor'] } as const;

/** Slot b, once mounted, has build b2, whose sensor is another one. */
async function bootWithSlotB(device: TrialDevice): Promise<void> {
  await device.boot('a');
  const config = JSON.parse(
    readFileSync(device.sys.path('/etc/tskrazy/device.json'), 'utf8'),
  ) as DeviceConfig;
  device.sys.file(
    '/run/tsk/roots/b/etc/tskrazy/device.json',
    JSON.stringify({ ...config, buildId: 'b2', services: [...config.services, service('new')] }),
  );
}

/** Resolves when the trial waits for nothing but time. */
async function goesLive(device: TrialDevice, request: Partial<TrialRequest> = {}): Promise<void> {
  assert.equal((await device.startTrial({ ...LIVE, ...request })).status, 202);
  while ((await device.waitsFor())?.join('; ').startsWith('the services have run for ') !== true);
}

test('apps are switched, found well and confirmed, and the device goes on from its slot', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await bootWithSlotB(device);
  const web = device.process('web').pid;
  const booted = sys.log.length;
  await goesLive(device);
  await device.advance(10);
  const { trial, appsFrom } = await device.state();
  assert.deepEqual(
    [trial?.mode, trial?.waitsFor, appsFrom],
    ['live', ['the services have run for 10 of 30 s'], 'b'],
  );
  await device.advance(20);
  const confirmed = await device.ask('POST', INIT_API.updateConfirm, { buildId: 'b2', who: 'tsk' });
  assert.equal(confirmed.status, 200);
  assert.deepEqual(
    sys.log
      .slice(booted)
      .filter((line) => !line.startsWith('mount '))
      .toSorted(),
    [
      'commit b',
      'kill -101 SIGTERM',
      'spawn /user/new in /perm/home/new of /run/tsk/roots/b',
      'spawn /user/sensor in /perm/home/sensor of /run/tsk/roots/b',
    ],
  );
  assert.equal(device.process('web').pid, web);
  const { running, committed, history, ...after } = await device.state();
  assert.deepEqual(
    [running, committed, after.appsFrom, after.trial, history[0]?.outcome],
    ['a', 'b', 'b', null, 'confirmed'],
  );
  for (const refused of [{ slot: 'b' }, { ...LIVE, slot: 'a' }] as const)
    assert.equal((await device.startTrial(refused)).status, 409);
  await device.boot('b');
  assert.deepEqual([(await device.state()).trial, (await device.state()).history.length], [null, 1]);
});

test('the way back from a live switch is a restart into the slot that the system still runs from', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await bootWithSlotB(device);
  await goesLive(device);
  await device.advance(30);
  await device.ask('POST', INIT_API.updateConfirm, { buildId: 'b2', who: 'tsk' });
  const back = { slot: 'a', buildId: 'b1', confirmBy: 'device' } as const;
  assert.equal((await device.startTrial(back)).status, 202);
  await device.down();
  await device.boot('a');
  const { trial, running, committed } = await device.state();
  assert.deepEqual([trial?.fromBuildId, trial?.buildId, running, committed], ['b2', 'b1', 'a', 'b']);
});

test('apps that are not well are switched back, with the reason', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await bootWithSlotB(device);
  await goesLive(device);
  for (let count = 0; count < 2; count++) await device.crash('new');
  device.process('new').exit({ code: 1 });
  await device.advance(2);
  await device.settled();
  const { trial, appsFrom, committed, history } = await device.state();
  assert.deepEqual([trial, appsFrom, committed], [null, null, 'a']);
  assert.deepEqual(
    [history[0]?.outcome, history[0]?.mode, history[0]?.reason, history[0]?.lastLines?.of],
    ['rolled back', 'live', 'app new exited with code 1 three times in 30 s', 'new'],
  );
  assert.ok(!sys.log.some((line) => line.startsWith('power') || line.startsWith('commit')));
  assert.deepEqual(await device.stateOf('sensor'), 'running');
});

class BrokenAppSwitch implements AppSwitch {
  slot: Slot | null = null;
  readonly #fails: 'start' | 'undo' | 'end of undo';

  constructor(fails: 'start' | 'undo' | 'end of undo') {
    this.#fails = fails;
  }

  async start({ slot }: { slot: Slot }): Promise<void> {
    if (this.#fails === 'start') throw new Error('Only a restart of the device can change its hostname');
    this.slot = slot;
  }

  async undo(): Promise<void> {
    if (this.#fails === 'end of undo') return new Promise(() => {});
    if (this.#fails === 'undo') throw new Error('EIO: mount failed');
  }

  keep(): void {}
}

test('after a commit that failed, what the disk says counts: the slot may not be written', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await bootWithSlotB(device);
  await goesLive(device, { confirmBy: 'device' });
  const { bootSwitch } = device;
  bootSwitch.commit = async (slot) => {
    if (slot === 'b') bootSwitch.committedSlot = slot;
    throw new Error('EIO: write failed');
  };
  await device.advance(300);
  await device.settled();
  const { running, committed, history } = await device.state();
  assert.deepEqual([running, committed, history[0]?.outcome], ['a', 'b', 'rolled back']);
});

test('a switch that cannot be made leaves all as it was', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys, new BrokenAppSwitch('start'));
  await device.boot('a');
  const booted = sys.log.length;
  assert.equal((await device.startTrial(LIVE)).status, 202);
  await device.settled();
  const { trial, history } = await device.state();
  assert.deepEqual(
    [trial, history[0]?.outcome, history[0]?.reason],
    [null, 'rolled back', 'apps were not switched: Only a restart of the device can change its hostname'],
  );
  assert.deepEqual(sys.log.slice(booted), []);
});

test('apps that cannot be switched back cost a restart', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys, new BrokenAppSwitch('undo'));
  await device.boot('a');
  await device.startTrial(LIVE);
  await device.ask('POST', INIT_API.updateRollback, { who: 'the page' });
  assert.equal(await device.down(), 'power restart');
  await device.boot('a');
  const { trial, history } = await device.state();
  assert.deepEqual([trial, history[0]?.reason], [null, 'rolled back by the page']);
});

test('apps that hang when they are switched back cost a restart', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys, new BrokenAppSwitch('end of undo'));
  await device.boot('a');
  await device.startTrial(LIVE);
  await device.ask('POST', INIT_API.updateRollback, { who: 'the page' });
  await device.clock.advance(1);
  assert.ok(!sys.log.includes('power restart'));
  await device.clock.advance(60);
  assert.equal(await device.down(), 'power restart');
  await device.boot('a');
  const { trial, history } = await device.state();
  assert.deepEqual([trial, history[0]?.reason], [null, 'rolled back by the page']);
});

test('a restart during a live trial ends it in the old slot', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await bootWithSlotB(device);
  await goesLive(device);
  await device.ask('POST', INIT_API.reboot);
  assert.equal(await device.down(), 'power restart');
  await device.boot('a');
  const [record] = (await device.state()).history;
  assert.deepEqual(
    [record?.outcome, record?.reason],
    ['rolled back', 'it was restarted during the trial: asked for by the control API'],
  );
});

test('a power cut during a live trial ends it in the old slot', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await bootWithSlotB(device);
  await goesLive(device);
  await device.boot('a');
  const [record] = (await device.state()).history;
  assert.deepEqual(
    [record?.outcome, record?.reason],
    ['rolled back', 'it did not go on: panic, hang or power cut'],
  );
});
