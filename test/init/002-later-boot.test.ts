import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  bootDevice,
  consoleLines,
  EARLY_STEPS,
  PERM_MOUNT,
  prepareDevice,
  putExt4,
  service,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

test('a later boot starts no program for a clean /perm, carries entropy over and says what it does', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { services: [service('app'), service('manual', { autostart: false })] });
  putExt4(sys);
  sys.file('/perm/tskrazy/random-seed', new Uint8Array(64).fill(7));
  const init = await bootDevice(sys);
  assert.deepEqual(sys.log, [
    ...EARLY_STEPS,
    PERM_MOUNT,
    'entropy 64 bytes, credit 256 bits',
    'spawn /user/app in /perm/home/app',
  ]);
  assert.notDeepEqual(readFileSync(sys.path('/perm/tskrazy/random-seed')), Buffer.alloc(64, 7));
  await init.power('poweroff', 'power button');
  assert.deepEqual(consoleLines(sys), [
    'init: /perm is on /dev/vda4',
    'init: app: started as process 100',
    'init: services started 1234 ms after the kernel',
    'init: poweroff: power button',
    'init: app: killed by SIGTERM',
    'init: services stopped',
    'init: data is safe on disk',
  ]);
});
