import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { bootDevice, prepareDevice, service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

test('a sandboxed app starts in bwrap; what its sandbox shows is there before', async () => {
  using sys = new RecordingSys();
  const sandbox = { devices: ['/dev/ttyUSB*'], paths: { '/perm/shared': 'rw' }, capabilities: [] } as const;
  const uid = process.getuid?.() ?? 0;
  prepareDevice(sys, {
    services: [service('app', { sandbox, user: { name: 'app', uid }, writable: ['.next/cache'] })],
  });
  symlinkSync('/dev/null', sys.path('/dev/ttyUSB0'));
  sys.file('/proc/sys/net/ipv4/ip_unprivileged_port_start', '1024\n');
  sys.file('/proc/sys/kernel/seccomp/actions_avail', 'errno allow\n');
  const init = await bootDevice(sys);
  const spawned = sys.log.find((line) => line.startsWith('spawn /tsk/bin/bwrap ')) ?? '';
  assert.match(spawned, / --dev-bind \/run\/tsk\/devices\/shown\/app \/dev /);
  const node = sys.path('/run/tsk/devices/own/app/ttyUSB0');
  assert.equal(readFileSync(node, 'utf8'), `character 1:3 group ${uid} mode 660`);
  assert.match(spawned, / --bind \/perm\/home\/app \/perm\/home\/app /);
  assert.match(spawned, / --seccomp 3 -- \/tsk\/bin\/setpriv .* -- \/tsk\/bin\/confine \/user\/app in \/$/);
  assert.match(spawned, / --bind \/perm\/tskrazy\/writable\/app\/\.next%2Fcache \/app\/app\/\.next\/cache /);
  const own = statSync(sys.path('/perm/tskrazy/writable/app/.next%2Fcache'));
  assert.deepEqual([own.isDirectory(), own.uid, own.mode & 0o777], [true, uid, 0o700]);
  assert.ok(statSync(sys.path('/perm/shared')).isDirectory());
  assert.ok(statSync(sys.path('/perm/home/app')).isDirectory());
  assert.ok(statSync(sys.path('/run/net')).isDirectory());
  // Pulled out while the app runs, and plugged in again.
  rmSync(sys.path('/dev/ttyUSB0'));
  sys.announce('remove@/devices/usb1/ttyUSB0\0ACTION=remove\0DEVNAME=ttyUSB0\0');
  await nextTurn();
  assert.equal(existsSync(node), false);
  symlinkSync('/dev/zero', sys.path('/dev/ttyUSB0'));
  sys.announce('add@/devices/usb1/ttyUSB0\0ACTION=add\0DEVNAME=ttyUSB0\0');
  await nextTurn();
  assert.match(readFileSync(node, 'utf8'), /^character 1:5 /);
  await init.power('restart', 'test');
});
