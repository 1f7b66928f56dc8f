import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { bootDevice, prepareDevice, service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

test('a sandboxed app starts in bwrap; what its sandbox shows is there before', async () => {
  using sys = new RecordingSys();
  const sandbox = { devices: ['/dev/ttyUSB*'], paths: { '/perm/shared': 'rw' }, capabilities: [] } as const;
  const uid = process.getuid?.() ?? 0;
  prepareDevice(sys, { services: [service('app', { sandbox, user: { name: 'app', uid } })] });
  sys.file('/dev/ttyUSB0', '');
  sys.file('/proc/sys/net/ipv4/ip_unprivileged_port_start', '1024\n');
  sys.file('/proc/sys/kernel/seccomp/actions_avail', 'errno allow\n');
  const init = await bootDevice(sys);
  const spawned = sys.log.find((line) => line.startsWith('spawn /tsk/bin/bwrap ')) ?? '';
  assert.match(spawned, / --dev-bind \/dev\/ttyUSB0 \/dev\/ttyUSB0 /);
  assert.match(spawned, / --bind \/perm\/home\/app \/perm\/home\/app /);
  assert.match(spawned, / --seccomp 3 -- \/tsk\/bin\/setpriv .* -- \/tsk\/bin\/confine \/user\/app in \/$/);
  assert.ok(statSync(sys.path('/perm/shared')).isDirectory());
  assert.ok(statSync(sys.path('/perm/home/app')).isDirectory());
  assert.ok(statSync(sys.path('/run/net')).isDirectory());
  await init.power('restart', 'test');
});
