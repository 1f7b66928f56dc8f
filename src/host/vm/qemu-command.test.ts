import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOARDS } from '../../shared/board/boards.ts';
import { possibleAccelerators, qemuArguments, type QemuOptions } from './qemu-command.ts';

const options: QemuOptions = {
  board: BOARDS['pc-amd64'],
  accelerator: 'tcg',
  name: 'garden',
  diskPath: '/vm/disk.img',
  start: { codePath: '/fw/code.fd', varsPath: '/vm/vars.fd' },
  memoryMiB: 512,
  forwards: [
    { hostPort: 0, guestPort: 80 },
    { hostPort: 8080, guestPort: 8080 },
  ],
  qmpSocketPath: '/tmp/qmp',
  consolePath: '/vm/console.log',
};

/** The value that follows each occurrence of an option. */
function valuesOf(option: string, changes: Partial<QemuOptions> = {}): string[] {
  const args = qemuArguments({ ...options, ...changes });
  return args.flatMap((arg, index) => (arg === option ? [args[index + 1] ?? ''] : []));
}

function describeMachine(changes: Partial<QemuOptions>): string[] {
  return ['-machine', '-accel', '-cpu'].flatMap((option) => valuesOf(option, changes));
}

test('qemuArguments: firmware, its variables and the disk, each with its file', () => {
  assert.deepEqual(valuesOf('-drive'), [
    'if=pflash,unit=0,format=raw,readonly=on,file=/fw/code.fd',
    'if=pflash,unit=1,format=raw,file=/vm/vars.fd',
    'if=none,id=disk,format=raw,discard=unmap,file=/vm/disk.img',
  ]);
  assert.deepEqual(valuesOf('-m'), ['512']);
});

test('qemuArguments: commas in paths and names are doubled where QEMU splits at them', () => {
  const changes = {
    name: 'a,b',
    diskPath: '/a,b/disk.img',
    start: { codePath: '/f,w/code.fd', varsPath: '/a,b/vars.fd' },
    qmpSocketPath: '/t,mp/qmp',
    consolePath: '/a,b/console.log',
  };
  assert.ok(valuesOf('-drive', changes).every((value) => /file=\/[af],,[bw]\//.test(value)));
  assert.deepEqual(valuesOf('-name', changes), ['a,,b']);
  assert.deepEqual(valuesOf('-qmp', changes), ['unix:/t,,mp/qmp,server=on,wait=off']);
  assert.deepEqual(valuesOf('-chardev', changes), ['file,id=console,path=/a,,b/console.log,append=off']);
});

test('qemuArguments: a restart ends QEMU where somebody watches for that', () => {
  assert.ok(!qemuArguments(options).includes('-no-reboot'));
  assert.ok(qemuArguments({ ...options, watchSocketPath: '/tmp/watch' }).includes('-no-reboot'));
});

test('qemuArguments: a kernel in the place of firmware', () => {
  const start = { kernelPath: '/vm/kernel', cmdline: 'root=/dev/vda2 ro' };
  const changes = { start, watchSocketPath: '/tmp/watch', appendConsole: true };
  assert.deepEqual(valuesOf('-kernel', changes), ['/vm/kernel']);
  assert.deepEqual(valuesOf('-append', changes), ['root=/dev/vda2 ro']);
  assert.deepEqual(valuesOf('-drive', changes), [
    'if=none,id=disk,format=raw,discard=unmap,file=/vm/disk.img',
  ]);
  assert.deepEqual(valuesOf('-qmp', changes), [
    'unix:/tmp/qmp,server=on,wait=off',
    'unix:/tmp/watch,server=on,wait=off',
  ]);
  assert.deepEqual(valuesOf('-chardev', changes), ['file,id=console,path=/vm/console.log,append=on']);
});

test('qemuArguments: ports are forwarded from this computer alone', () => {
  assert.deepEqual(valuesOf('-netdev'), [
    'user,id=net,hostfwd=tcp:127.0.0.1:0-:80,hostfwd=tcp:127.0.0.1:8080-:8080',
  ]);
  assert.deepEqual(valuesOf('-netdev', { forwards: [] }), ['user,id=net']);
});

test('qemuArguments: machine and processor of the board, native or emulated', () => {
  const arm = BOARDS['pc-arm64'];
  assert.deepEqual(describeMachine({}), ['q35', 'tcg', 'Nehalem']);
  assert.deepEqual(describeMachine({ accelerator: 'kvm' }), ['q35', 'kvm', 'host']);
  assert.deepEqual(describeMachine({ board: arm }), ['virt', 'tcg', 'cortex-a72']);
  assert.deepEqual(describeMachine({ board: arm, accelerator: 'hvf' }), ['virt', 'hvf', 'host']);
});

test('qemuArguments: what is emulated has one processor', () => {
  assert.deepEqual(valuesOf('-smp'), ['1']);
  assert.deepEqual(valuesOf('-smp', { accelerator: 'kvm' }), ['2']);
});

test('qemuArguments: a machine has what it is given, and nothing that QEMU would add', () => {
  assert.ok(qemuArguments(options).includes('-nodefaults'));
});

test('qemuArguments: extra arguments come last', () => {
  const args = qemuArguments({ ...options, extraArgs: ['-snapshot'] });
  assert.equal(args.at(-1), '-snapshot');
});

test('possibleAccelerators: another architecture is emulated; emulation is always the last resort', () => {
  for (const board of Object.values(BOARDS)) {
    const accelerators = possibleAccelerators(board);
    assert.equal(accelerators.at(-1), 'tcg');
    if (board.nodeArch !== process.arch) assert.deepEqual(accelerators, ['tcg']);
  }
});
