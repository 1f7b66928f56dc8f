// Apps that were not well before an update, and that it leaves as they are: it does not answer for them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { DeviceConfig } from '../../src/shared/services/services.ts';
import { INIT_API } from '../../src/shared/api/init-api.ts';
import type { TrialRequest, UpdateRecord } from '../../src/shared/update/update-state.ts';
import { service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { FINE, TrialDevice } from '../support/init/trial-device.ts';

const UNCHANGED: Partial<TrialRequest> = { confirmBy: 'device', unchangedApps: ['bad'] };

/** Boots with an app "bad", which `spoil` makes unwell before the trial is asked for. */
async function bootTrialAfter(
  device: TrialDevice,
  spoil: () => Promise<unknown>,
  request: Partial<TrialRequest>,
): Promise<void> {
  await device.boot('a');
  await spoil();
  assert.equal((await device.startTrial(request)).status, 202);
  await device.down();
  await device.boot('b');
}

async function newest(device: TrialDevice): Promise<UpdateRecord | undefined> {
  return (await device.state()).history[0];
}

test('an app in a crash loop holds up no update that leaves it as it is, and the record says how it is', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('bad')];
  // At that moment it runs, as between any two crashes.
  await bootTrialAfter(device, () => device.crash('bad'), UNCHANGED);
  for (let count = 0; count < 5; count++) {
    await device.crash('bad');
    await device.advance(5);
  }
  const { trial } = await device.state();
  assert.deepEqual(trial?.waitsFor, ['the services have run for 25 of 30 s']);
  assert.deepEqual(trial.stillUnwell, ['app bad exited with code 1']);
  await device.advance(5);
  const record = await newest(device);
  assert.deepEqual([record?.outcome, record?.stillUnwell], ['confirmed', ['app bad exited with code 1']]);
});

test('an app that backs off, failed or was stopped is excused, too', async () => {
  const ways: Record<string, (device: TrialDevice) => Promise<unknown>> = {
    'backs off': async (device) => {
      device.process('bad').exit({ code: 3 });
      return device.reaches('bad', 'backoff');
    },
    failed: (device) => device.crash('bad'),
    'was stopped': (device) => device.ask('POST', INIT_API.serviceAction('bad', 'stop')),
  };
  for (const [how, spoil] of Object.entries(ways)) {
    using sys = new RecordingSys();
    const device = new TrialDevice(sys);
    device.services = [
      ...device.services,
      service('bad', { restart: how === 'failed' ? 'never' : 'always' }),
    ];
    await bootTrialAfter(device, () => spoil(device), UNCHANGED);
    device.process('bad').exit({ code: 4 });
    await device.advance(30);
    const record = await newest(device);
    assert.deepEqual(
      [how, record?.outcome, record?.stillUnwell],
      [how, 'confirmed', ['app bad exited with code 4']],
    );
  }
});

test('an app that has become well is not told of', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('bad')];
  await bootTrialAfter(device, () => device.crash('bad'), UNCHANGED);
  await device.advance(30);
  const record = await newest(device);
  assert.deepEqual([record?.outcome, record?.stillUnwell], ['confirmed', undefined]);
});

test('an app that is changed, or of which that is not known, decides as ever, and the reason says how it was', async () => {
  for (const unchangedApps of [['sensor'], undefined]) {
    using sys = new RecordingSys();
    const device = new TrialDevice(sys);
    device.services = [...device.services, service('bad')];
    await bootTrialAfter(
      device,
      () => device.crash('bad'),
      unchangedApps === undefined ? {} : { unchangedApps },
    );
    for (let count = 0; count < 2; count++) await device.crash('bad');
    device.process('bad').exit({ code: 1 });
    await device.advance(2);
    assert.equal(await device.down(), 'power restart');
    await device.boot('a');
    assert.equal(
      (await newest(device))?.reason,
      'app bad exited with code 1 three times in 30 s; it was not well before either',
    );
  }
});

test('an app that was well decides, changed or not', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('bad', { restart: 'never' })];
  await bootTrialAfter(device, async () => {}, UNCHANGED);
  await device.crash('bad', 2);
  await device.advance(1);
  assert.equal(await device.down(), 'power restart');
  await device.boot('a');
  assert.equal((await newest(device))?.reason, 'app bad exited with code 2');
});

test('an app whose health URL was bad before may go on so', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('bad', { health: { url: 'http://localhost:8080/health' } })];
  await bootTrialAfter(device, async () => {}, { ...UNCHANGED, unhealthyApps: ['bad'] });
  await device.advance(30, [...FINE, { name: 'health of bad', problem: 'answers 503' }]);
  const record = await newest(device);
  assert.deepEqual([record?.outcome, record?.stillUnwell], ['confirmed', ['health of bad: answers 503']]);
});

test('a live switch, too, leaves such an app alone', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  device.services = [...device.services, service('bad')];
  await device.boot('a');
  await device.crash('bad');
  const path = '/etc/tskrazy/device.json';
  const config = JSON.parse(readFileSync(sys.path(path), 'utf8')) as DeviceConfig;
  sys.file(`/run/tsk/roots/b${path}`, JSON.stringify({ ...config, buildId: 'b2' }));
  const live = { ...UNCHANGED, mode: 'live', changedApps: ['sensor'] } as const;
  assert.equal((await device.startTrial(live)).status, 202);
  for (let count = 0; count < 3; count++) await device.crash('bad');
  await device.advance(35);
  const record = await newest(device);
  assert.deepEqual(
    [record?.outcome, record?.mode, record?.stillUnwell],
    ['confirmed', 'live', ['app bad exited with code 1']],
  );
});
