import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APP_NETWORKS } from '../../../shared/services/services.ts';
import { type SandboxedProgram, sandboxArguments } from './sandbox-arguments.ts';

const program: SandboxedProgram = {
  name: 'sensor',
  argv: ['/bin/node', '/app/sensor/main.cjs', '--', '-v'],
  user: { name: 'sensor', uid: 300_000_000 },
  sandbox: { devices: [], paths: {}, capabilities: [] },
  root: '/',
  devices: { directory: '/run/tsk/devices/shown/sensor', sysfs: [], groups: [] },
  dataDir: '/perm/sensor',
  cgroup: '/sys/fs/cgroup/tsk/sensor',
  scratchBytes: 2 ** 27,
  isFiltered: false,
};

/** Of an option with two operands, or one: `/perm -> /perm`. */
function operandsOf(option: string, args: readonly string[], count: number): string[] {
  return args.flatMap((arg, index) =>
    arg === option ? [args.slice(index + 1, index + 1 + count).join(' -> ')] : [],
  );
}

test('sandboxArguments hides what is not the app’s', () => {
  const args = sandboxArguments(program);
  assert.equal(args[0], '/tsk/bin/bwrap');
  assert.deepEqual(operandsOf('--tmpfs', args, 1), [
    '/dev/shm',
    '/tmp',
    '/app',
    '/boot',
    '/etc/tskrazy',
    '/run',
    '/perm',
    '/tsk/shell',
  ]);
  assert.deepEqual(operandsOf('--ro-bind', args, 2), [
    '/ -> /',
    '/sys/fs/cgroup/tsk/sensor -> /sys/fs/cgroup',
    '/run/net -> /run/net',
  ]);
  assert.deepEqual(operandsOf('--bind', args, 2), ['/perm/sensor -> /perm/sensor']);
  assert.deepEqual(operandsOf('--remount-ro', args, 1), [
    '/app',
    '/boot',
    '/etc/tskrazy',
    '/run',
    '/perm',
    '/tsk/shell',
  ]);
  assert.deepEqual(operandsOf('--ro-bind-try', args, 2).slice(0, 1), ['/app/sensor -> /app/sensor']);
  assert.deepEqual(operandsOf('--size', args, 3), [
    '134217728 -> --tmpfs -> /dev/shm',
    '134217728 -> --tmpfs -> /tmp',
  ]);
  assert.deepEqual(operandsOf('--chdir', args, 1), ['/perm/sensor']);
  for (const namespace of ['pid', 'ipc']) assert.ok(args.includes(`--unshare-${namespace}`));
  // What it shows lies in what it has hidden before.
  assert.ok(args.indexOf('/perm') < args.indexOf('/perm/sensor'));
});

test('sandboxArguments: a shell and its commands are in /bin of whom it was given to, with the Node.js of the same image', () => {
  const sandbox = { ...program.sandbox, hasShell: true };
  const args = sandboxArguments({ ...program, root: '/mnt/live', sandbox });
  assert.deepEqual(operandsOf('--ro-bind', args, 2).slice(0, 3), [
    '/mnt/live -> /',
    '/mnt/live/tsk/shell/bin -> /bin',
    '/mnt/live/bin/node -> /bin/node',
  ]);
});

test('sandboxArguments: reports of crashes go to where /perm shows nothing of it', () => {
  const args = sandboxArguments({ ...program, reports: '/perm/log/reports/sensor' });
  assert.deepEqual(operandsOf('--bind', args, 2), [
    '/perm/sensor -> /perm/sensor',
    '/perm/log/reports/sensor -> /run/tsk/reports',
  ]);
  assert.ok(args.indexOf('/run') < args.indexOf('/run/tsk/reports'));
});

test('sandboxArguments: another root image has all but what is the device’s', () => {
  const paths = { '/perm/shared': 'rw', '/app/other': 'ro', '/dev/input': 'ro', '/permanent': 'ro' } as const;
  const root = '/run/tsk/roots/b';
  const args = sandboxArguments({ ...program, root, sandbox: { ...program.sandbox, paths } });
  assert.deepEqual(operandsOf('--bind', args, 2), [
    '/perm/sensor -> /perm/sensor',
    '/perm/shared -> /perm/shared',
  ]);
  assert.deepEqual(operandsOf('--ro-bind', args, 2), [
    `${root} -> /`,
    '/sys/fs/cgroup/tsk/sensor -> /sys/fs/cgroup',
    '/run/net -> /run/net',
    `${root}/app/other -> /app/other`,
    '/dev/input -> /dev/input',
    `${root}/permanent -> /permanent`,
  ]);
  assert.equal(operandsOf('--ro-bind-try', args, 2)[0], `${root}/app/sensor -> /app/sensor`);
});

test('sandboxArguments shows an app its own secrets, where it does not see all of /run', () => {
  const secrets = ['TOKEN'];
  const own = '/run/tsk/secrets/sensor -> /run/secrets';
  const isShown = (args: readonly string[]): boolean => operandsOf('--ro-bind', args, 2).includes(own);
  assert.ok(isShown(sandboxArguments({ ...program, secrets })));
  assert.ok(isShown(sandboxArguments({ ...program, secrets, root: '/run/tsk/roots/b' })));
  assert.equal(isShown(sandboxArguments(program)), false);
  const sandbox = { ...program.sandbox, paths: { '/run': 'ro' } } as const;
  assert.equal(isShown(sandboxArguments({ ...program, secrets, sandbox })), false);
});

function bindsOf(of: SandboxedProgram): string[] {
  return operandsOf('--bind', sandboxArguments(of), 2);
}

test('sandboxArguments has directories of /perm beside the code, of whichever image, once /perm is there', () => {
  const writable = ['config', '.next/cache'];
  for (const root of ['/', '/run/tsk/roots/b']) {
    assert.deepEqual(bindsOf({ ...program, root, writable }), [
      '/perm/tskrazy/writable/sensor/config -> /app/sensor/config',
      '/perm/tskrazy/writable/sensor/.next%2Fcache -> /app/sensor/.next/cache',
      '/perm/sensor -> /perm/sensor',
    ]);
  }
  const { dataDir: _none, ...early } = program;
  assert.deepEqual(bindsOf({ ...early, writable }), []);
  const args = sandboxArguments({ ...program, writable });
  assert.ok(args.indexOf('/app/sensor') < args.indexOf('/app/sensor/config'));
});

test('sandboxArguments takes all privileges away before the app starts', () => {
  const args = sandboxArguments(program);
  assert.deepEqual(args.slice(args.indexOf('--')), [
    '--',
    '/tsk/bin/setpriv',
    '--reuid=300000000',
    '--regid=300000000',
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
    '--inh-caps=-all',
    '--ambient-caps=-all',
    '--',
    ...program.argv,
  ]);
});

test('sandboxArguments gives what the configuration asks for', () => {
  const sandbox = {
    devices: ['/dev/ttyUSB*'],
    paths: { '/perm/shared/music': 'rw', '/sys/class/gpio': 'ro' },
    capabilities: ['CAP_NET_RAW', 'CAP_SYS_TIME'],
  } as const;
  const args = sandboxArguments({ ...program, sandbox });
  assert.deepEqual(operandsOf('--dev-bind', args, 2), ['/run/tsk/devices/shown/sensor -> /dev']);
  assert.ok(operandsOf('--bind', args, 2).includes('/perm/shared/music -> /perm/shared/music'));
  assert.ok(operandsOf('--dir', args, 1).includes('/perm/shared'));
  assert.ok(operandsOf('--ro-bind', args, 2).includes('/sys/class/gpio -> /sys/class/gpio'));
  assert.ok(args.includes('--ambient-caps=-all,+net_raw,+sys_time'));
});

test('sandboxArguments: an app that may use io_uring is in the group that the kernel lets', () => {
  const args = sandboxArguments({ ...program, sandbox: { ...program.sandbox, syscalls: ['io_uring'] } });
  assert.ok(args.includes('--groups=268435455') && !args.includes('--clear-groups'));
});

test('sandboxArguments shows the PWM of an app, writable to a group, and both groups go together', () => {
  const chip = '/sys/devices/platform/soc/3f20c000.pwm/pwm/pwmchip0';
  const devices = { ...program.devices, sysfs: [chip], groups: [268435453] };
  const args = sandboxArguments({ ...program, devices });
  assert.ok(operandsOf('--bind', args, 2).includes(`${chip} -> ${chip}`));
  assert.ok(args.includes('--groups=268435453'));
  const both = sandboxArguments({
    ...program,
    devices,
    sandbox: { ...program.sandbox, syscalls: ['io_uring'] },
  });
  assert.ok(both.includes('--groups=268435455,268435453'));
});

test('sandboxArguments leaves root its number, and a whole /perm writable when asked for', () => {
  const { user: _user, ...asRoot } = program;
  const args = sandboxArguments({
    ...asRoot,
    sandbox: { ...program.sandbox, paths: { '/perm': 'rw' } },
  });
  assert.equal(args.join(' ').includes('--reuid'), false);
  assert.ok(args.includes('--bounding-set=-all'));
  assert.ok(operandsOf('--ro-bind-try', args, 2).includes('/proc/sys -> /proc/sys'));
  assert.deepEqual(operandsOf('--remount-ro', args, 1), [
    '/app',
    '/boot',
    '/etc/tskrazy',
    '/run',
    '/tsk/shell',
  ]);
});

test('sandboxArguments: filters are set by bwrap and, last of all, by confine', () => {
  assert.deepEqual(operandsOf('--seccomp', sandboxArguments(program), 1), []);
  const args = sandboxArguments({ ...program, isFiltered: true });
  assert.deepEqual(operandsOf('--seccomp', args, 1), ['3']);
  assert.deepEqual(args.slice(args.indexOf('/tsk/bin/confine')), ['/tsk/bin/confine', ...program.argv]);
});

test('sandboxArguments without cgroups lets everything end with bwrap', () => {
  const { cgroup: _cgroup, dataDir: _dataDir, ...bare } = program;
  const args = sandboxArguments(bare);
  assert.ok(args.includes('--die-with-parent'));
  assert.deepEqual(operandsOf('--chdir', args, 1), ['/']);
});

test('sandboxArguments: only an app without a network has one of its own', () => {
  const alone = APP_NETWORKS.filter((network) =>
    sandboxArguments({ ...program, network }).includes('--unshare-net'),
  );
  assert.deepEqual(alone, ['none']);
  assert.ok(!sandboxArguments(program).includes('--unshare-net'));
});
