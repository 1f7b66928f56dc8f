import assert from 'node:assert/strict';
import { readFileSync, watch } from 'node:fs';
import { test } from 'node:test';
import { TIME_STATUS_PATH } from '../../src/shared/network/time-status.ts';
import {
  bootDevice,
  EARLY_STEPS,
  KERNEL_MOUNTS,
  PERM_MOUNT,
  prepareDevice,
  putExt4,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

const BUILD_TIME_SEC = Date.UTC(2090, 0, 1) / 1000;
const SET_TO_BUILD_TIME = 'clock 2090-01-01T00:00:00.000Z';

function clockLines(sys: RecordingSys): string[] {
  return sys.log.filter((line) => line.startsWith('clock'));
}

test('a clock behind the build time is set to it, then to the last saved time', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { buildTimeSec: BUILD_TIME_SEC });
  putExt4(sys);
  sys.file('/perm/tskrazy/clock', `${Date.UTC(2090, 5, 1)}\n`);
  await bootDevice(sys);
  assert.deepEqual(sys.log, [
    ...KERNEL_MOUNTS,
    'catch ctrl-alt-del',
    'hostname garden',
    SET_TO_BUILD_TIME,
    'interface lo up',
    'listen to uevents',
    PERM_MOUNT,
    'clock 2090-06-01T00:00:00.000Z',
  ]);
});

for (const [what, content] of [
  ['not there', undefined],
  ['older than the build', `${Date.UTC(2026, 0, 1)}\n`],
  ['out of all proportion', '9999999999999999\n'],
  ['later than a device lives', `${Date.UTC(2127, 0, 1)}\n`],
  ['cut off', '37896'],
  ['no number', 'NaN\n'],
] as const) {
  test(`a saved time that is ${what} is not used`, async () => {
    using sys = new RecordingSys();
    prepareDevice(sys, { buildTimeSec: BUILD_TIME_SEC });
    putExt4(sys);
    if (content !== undefined) sys.file('/perm/tskrazy/clock', content);
    const { device } = await bootDevice(sys);
    assert.deepEqual(clockLines(sys), [SET_TO_BUILD_TIME]);
    assert.deepEqual(device.warnings, []);
  });
}

test('a clock that may be right keeps its time, whatever a wrong one had saved', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { buildTimeSec: 1_700_000_000 });
  putExt4(sys);
  sys.file('/perm/tskrazy/clock', `${Date.UTC(2063, 3, 25)}\n`);
  await bootDevice(sys);
  assert.deepEqual(sys.log, [...EARLY_STEPS, PERM_MOUNT]);
});

test('a saved time is not used where time servers have set the clock before /perm was there', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { buildTimeSec: BUILD_TIME_SEC });
  putExt4(sys);
  sys.file('/perm/tskrazy/clock', `${Date.UTC(2090, 5, 1)}\n`);
  sys.file(TIME_STATUS_PATH, JSON.stringify({ synchronised: true }));
  await bootDevice(sys);
  assert.deepEqual(clockLines(sys), [SET_TO_BUILD_TIME]);
});

for (const [what, at, buildTimeSec, expected] of [
  ['starts in 1970', 0, 1_700_000_000, 'clock 2023-11-14T22:13:20.000Z'],
  ['starts in 1970, as the build did', 0, 0, 'clock 2020-01-01T00:00:00.000Z'],
  ['stands at the end of its range', Date.UTC(2106, 1, 7), 1_700_000_000, 'clock 2023-11-14T22:13:20.000Z'],
] as const) {
  test(`a clock that ${what} is set`, async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: at });
    using sys = new RecordingSys();
    prepareDevice(sys, { buildTimeSec });
    putExt4(sys);
    await bootDevice(sys);
    assert.deepEqual(clockLines(sys), [expected]);
  });
}

test('the time that servers set is saved at once', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { buildTimeSec: 1_700_000_000 });
  putExt4(sys);
  sys.file('/perm/tskrazy/clock', `${Date.UTC(2040, 0, 1)}\n`);
  await bootDevice(sys);
  const isSaved = new Promise<void>((resolve) => {
    const watcher = watch(sys.path('/perm/tskrazy'), (_event, name) => {
      if (name !== 'clock') return;
      watcher.close();
      resolve();
    });
  });
  const before = Date.now();
  sys.file(TIME_STATUS_PATH, JSON.stringify({ synchronised: true }));
  await isSaved;
  const saved = Number(readFileSync(sys.path('/perm/tskrazy/clock'), 'utf8'));
  assert.ok(saved >= before && saved <= Date.now(), new Date(saved).toISOString());
});

test('a clock that is ahead is left alone, and saved on the way down', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { buildTimeSec: 1_700_000_000 });
  putExt4(sys);
  const before = Date.now();
  const init = await bootDevice(sys);
  await init.power('restart', 'test');
  assert.deepEqual(sys.log, [...EARLY_STEPS, PERM_MOUNT, 'sync, unmount /perm', 'power restart']);
  const saved = Number(readFileSync(sys.path('/perm/tskrazy/clock'), 'utf8'));
  assert.ok(saved >= before && saved <= Date.now());
});
