import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { RecordingSys } from '../../../../test/support/init/recording-sys.ts';
import { exitInSandbox, prepareSandbox } from './sandbox.ts';

const DEVICES = { directory: '/run/tsk/devices/shown/app', sysfs: [], groups: [] };

test('prepareSandbox makes shared directories and shows the app its devices', () => {
  using sys = new RecordingSys();
  const { argv } = prepareSandbox(
    sys,
    {
      name: 'app',
      kind: 'go',
      argv: ['/user/app'],
      env: {},
      dataDir: '/perm/app',
      restart: 'always',
      autostart: true,
      stopTimeoutSec: 5,
      sandbox: { devices: ['/dev/ttyS*'], paths: { '/perm/a/b': 'rw', '/perm/c': 'ro' }, capabilities: [] },
    },
    { root: '/', devices: DEVICES },
  );
  assert.equal(argv[argv.indexOf('--dev-bind') + 1], DEVICES.directory);
  assert.equal(statSync(sys.path('/perm/a/b')).mode & 0o777, 0o777);
  assert.throws(() => statSync(sys.path('/perm/c')), { code: 'ENOENT' });
});

test('prepareSandbox filters system calls where the kernel can', () => {
  using sys = new RecordingSys();
  const spec = {
    name: 'app',
    kind: 'go',
    argv: ['/user/app'],
    env: {},
    dataDir: '/perm/app',
    restart: 'always',
    autostart: true,
    stopTimeoutSec: 5,
    sandbox: { devices: [], paths: {}, capabilities: [] },
  } as const;
  assert.equal(prepareSandbox(sys, spec, { root: '/', devices: DEVICES }).extraInputs, undefined);
  sys.file('/proc/sys/kernel/seccomp/actions_avail', 'kill_process errno allow\n');
  const { argv, extraInputs = [] } = prepareSandbox(sys, spec, { root: '/', devices: DEVICES });
  assert.equal(argv[argv.indexOf('--seccomp') + 1], '3');
  assert.deepEqual(
    extraInputs.map(({ length }) => length > 0 && length % 8),
    [0, 0],
  );
});

test('exitInSandbox tells codes from signals', () => {
  assert.deepEqual(exitInSandbox({ code: 0, signal: null }), { code: 0, signal: null });
  assert.deepEqual(exitInSandbox({ code: 125, signal: null }), { code: 125, signal: null });
  assert.deepEqual(exitInSandbox({ code: 143, signal: null }), { code: null, signal: 'SIGTERM' });
  assert.deepEqual(exitInSandbox({ code: 139, signal: null }), { code: null, signal: 'SIGSEGV' });
  assert.deepEqual(exitInSandbox({ code: 255, signal: null }), { code: 255, signal: null });
  assert.deepEqual(exitInSandbox({ code: null, signal: 'SIGKILL' }), { code: null, signal: 'SIGKILL' });
});
