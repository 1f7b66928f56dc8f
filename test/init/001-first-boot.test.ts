import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { openBlockDevice } from '../../src/device/block-device.ts';
import { isFormatUnfinished, markFormat } from '../../src/device/init/perm/format-mark.ts';
import {
  bootDevice,
  BEFORE_SERVICES,
  PERM_MOUNT,
  prepareDevice,
  putExt4,
  service,
} from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

test('a first boot formats /perm and starts apps after system services; a reboot stops and unmounts', async () => {
  using sys = new RecordingSys();
  const net = service('net', {
    kind: 'system',
    argv: ['/tsk/net'],
    dataDir: '/run/tsk/net',
    listen: [{ name: 'http', port: 80 }],
  });
  prepareDevice(sys, { services: [service('app', { argv: ['/user/app', '-v'] }), net] });
  const init = await bootDevice(sys);
  await init.power('restart', 'test');
  assert.deepEqual(sys.log, [
    ...BEFORE_SERVICES,
    'listen on TCP port 80',
    'spawn /tsk/net in /',
    'listen to uevents',
    'run /tsk/bin/mke2fs -q -t ext4 -L perm -m 10.0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard /dev/vda4 131068k -> 0',
    PERM_MOUNT,
    'spawn /user/app -v in /perm/home/app',
    'kill -101 SIGTERM',
    'kill -100 SIGTERM',
    'sync, unmount /perm',
    'power restart',
  ]);
});

test('a format that was cut off begins anew', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  const path = sys.path('/dev/vda4');
  using perm = openBlockDevice(path, statSync(path).size, 'r+');
  await markFormat(perm);
  await perm.write(4096, Buffer.from('of mke2fs'));
  const { device } = await bootDevice(sys);
  assert.equal(device.perm.note, 'formatted');
  assert.ok(sys.log.some((line) => line.startsWith('run /tsk/bin/mke2fs ')));
  assert.equal(await isFormatUnfinished(perm), false);
});

test('the mark of a format that was not cut off in time does not stay', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys);
  const path = sys.path('/dev/vda4');
  using perm = openBlockDevice(path, statSync(path).size, 'r+');
  await markFormat(perm);
  const { device } = await bootDevice(sys);
  assert.equal(device.perm.note, null);
  assert.equal(await isFormatUnfinished(perm), false);
});
