import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootDevice, EARLY_STEPS, PERM_MOUNT, prepareDevice, service } from '../support/init-scenario.ts';
import { RecordingSys } from '../support/recording-sys.ts';

test('a first boot formats /perm and starts apps after system services; a reboot stops and unmounts', async () => {
  using sys = new RecordingSys();
  const net = service('net', { kind: 'system', argv: ['/tsk/net'], dataDir: '/run/tsk/net' });
  prepareDevice(sys, { services: [service('app', { argv: ['/user/app', '-v'] }), net] });
  const init = await bootDevice(sys);
  await init.power('restart', 'test');
  assert.deepEqual(sys.log, [
    ...EARLY_STEPS,
    'spawn /tsk/net in /',
    'run /tsk/bin/mke2fs -q -t ext4 -L perm -m 1 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard /dev/vda4 -> 0',
    PERM_MOUNT,
    'spawn /user/app -v in /perm/home/app',
    'kill -101 SIGTERM',
    'kill -100 SIGTERM',
    'sync, unmount /perm',
    'power restart',
  ]);
});
