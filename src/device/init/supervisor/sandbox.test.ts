import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { RecordingSys } from '../../../../test/support/init/recording-sys.ts';
import { exitInSandbox, findDevices, prepareSandbox } from './sandbox.ts';

test('findDevices finds what matches the last part of the pattern', () => {
  using sys = new RecordingSys();
  for (const name of ['ttyUSB0', 'ttyUSB1', 'ttyS0', 'snd/pcmC0D0p']) sys.file(`/dev/${name}`, '');
  assert.deepEqual(findDevices(sys, '/dev/ttyUSB*'), ['/dev/ttyUSB0', '/dev/ttyUSB1']);
  assert.deepEqual(findDevices(sys, '/dev/tty*0'), ['/dev/ttyS0', '/dev/ttyUSB0']);
  assert.deepEqual(findDevices(sys, '/dev/snd/*'), ['/dev/snd/pcmC0D0p']);
  assert.deepEqual(findDevices(sys, '/dev/ttyS0'), ['/dev/ttyS0']);
  assert.deepEqual(findDevices(sys, '/dev/tty.S0'), []);
  assert.deepEqual(findDevices(sys, '/dev/video/*'), []);
});

test('prepareSandbox makes shared directories and opens devices to the app', () => {
  using sys = new RecordingSys();
  sys.file('/dev/ttyS0', '');
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
    { root: '/' },
  );
  assert.ok(argv.includes('/dev/ttyS0'));
  assert.equal(statSync(sys.path('/dev/ttyS0')).mode & 0o777, 0o666);
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
  assert.equal(prepareSandbox(sys, spec, { root: '/' }).extraInputs, undefined);
  sys.file('/proc/sys/kernel/seccomp/actions_avail', 'kill_process errno allow\n');
  const { argv, extraInputs = [] } = prepareSandbox(sys, spec, { root: '/' });
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
