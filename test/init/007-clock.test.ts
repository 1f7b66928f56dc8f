import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
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
    PERM_MOUNT,
    'clock 2090-06-01T00:00:00.000Z',
  ]);
});

for (const [what, content] of [
  ['older than the build', `${Date.UTC(2026, 0, 1)}\n`],
  ['out of all proportion', '9999999999999999\n'],
  ['cut off', '37896'],
  ['no number', 'NaN\n'],
] as const) {
  test(`a saved time that is ${what} is not used`, async () => {
    using sys = new RecordingSys();
    prepareDevice(sys, { buildTimeSec: BUILD_TIME_SEC });
    putExt4(sys);
    sys.file('/perm/tskrazy/clock', content);
    await bootDevice(sys);
    assert.deepEqual(
      sys.log.filter((line) => line.startsWith('clock')),
      [SET_TO_BUILD_TIME],
    );
  });
}

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
