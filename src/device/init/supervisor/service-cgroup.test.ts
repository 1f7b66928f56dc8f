import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { test } from 'node:test';
import { defaultMemoryBytes } from '../../../shared/services/app-limits.ts';
import { RecordingSys } from '../../../../test/support/init/recording-sys.ts';
import { openServiceCgroups, type ServiceCgroup } from './service-cgroup.ts';

const ROOT = '/sys/fs/cgroup';
const APP = `${ROOT}/apps/app`;

/** A cgroup in a directory with these of the kernel's files. */
function cgroupWith(sys: RecordingSys, files: Readonly<Record<string, string>>): ServiceCgroup {
  for (const directory of [ROOT, `${ROOT}/tsk`, `${ROOT}/apps`])
    sys.file(`${directory}/cgroup.controllers`, 'cpu pids\n');
  for (const name of ['threads-max', 'pid_max']) sys.file(`/proc/sys/kernel/${name}`, '4000\n');
  for (const [name, content] of Object.entries(files)) sys.file(`${APP}/${name}`, content);
  const open = openServiceCgroups(sys, () => {});
  assert.ok(open);
  return open({ name: 'app', kind: 'binary' });
}

test('ServiceCgroup.limit sets what the kernel can limit and names the rest', () => {
  using sys = new RecordingSys();
  const cgroup = cgroupWith(sys, { 'pids.max': 'max\n', 'cpu.weight': '100\n' });
  assert.deepEqual(cgroup.limit({ maxProcesses: 64, memoryBytes: 2 ** 26, cpuWeight: 10 }), ['memory']);
  assert.match(readFileSync(sys.path(`${APP}/pids.max`), 'utf8'), /^64/);
  assert.match(readFileSync(sys.path(`${APP}/cpu.weight`), 'utf8'), /^10/);
  assert.deepEqual(cgroup.limit({ maxProcesses: 64 }), []);
});

test('ServiceCgroup: one that was removed meanwhile is empty, and nothing is left to be killed', () => {
  using sys = new RecordingSys();
  const cgroup = cgroupWith(sys, { 'cgroup.events': 'populated 1\nfrozen 0\n', 'cgroup.kill': '' });
  assert.equal(cgroup.isEmpty(), false);
  cgroup.kill();
  assert.equal(readFileSync(sys.path(`${APP}/cgroup.kill`), 'utf8'), '1');
  rmSync(sys.path(APP), { recursive: true });
  cgroup.kill();
  assert.equal(cgroup.isEmpty(), true);
});

test('ServiceCgroup.limit takes away what is not limited any more', () => {
  using sys = new RecordingSys();
  const files = {
    'pids.max': 'max\n',
    'memory.max': 'max\n',
    'memory.oom.group': '0\n',
    'cpu.weight': '100\n',
  };
  const cgroup = cgroupWith(sys, files);
  cgroup.limit({ maxProcesses: 64, memoryBytes: 2 ** 26, cpuWeight: 10 });
  assert.deepEqual(cgroup.limit(), []);
  const set = Object.keys(files).map((file) => readFileSync(sys.path(`${APP}/${file}`), 'utf8'));
  // The kernel takes each write for itself; in these files the rest of an earlier one stays.
  const memory = String(defaultMemoryBytes(totalmem()));
  for (const [index, value] of ['max', memory, '1', '100'].entries())
    assert.ok(set[index]?.startsWith(value));
});

test('openServiceCgroups leaves the system processor time and processes, and says what the kernel cannot', () => {
  using sys = new RecordingSys();
  cgroupWith(sys, {});
  sys.file(`${ROOT}/apps/pids.max`, 'max\n');
  const said: string[] = [];
  assert.ok(openServiceCgroups(sys, (text) => said.push(text)));
  assert.match(readFileSync(sys.path(`${ROOT}/apps/pids.max`), 'utf8'), /^3744/);
  assert.deepEqual(said, [
    'cannot limit processor time of all apps together: the kernel has no controller for it',
  ]);
  sys.file(`${ROOT}/apps/cpu.weight`, '100\n');
  openServiceCgroups(sys, assert.fail);
  assert.match(readFileSync(sys.path(`${ROOT}/apps/cpu.weight`), 'utf8'), /^50/);
});

test('a program of ours has no limit of memory unless it is given one', () => {
  using sys = new RecordingSys();
  cgroupWith(sys, {});
  sys.file(`${ROOT}/tsk/web/memory.max`, '1234567890\n');
  const open = openServiceCgroups(sys, () => {});
  open?.({ name: 'web', kind: 'system' }).limit();
  assert.match(readFileSync(sys.path(`${ROOT}/tsk/web/memory.max`), 'utf8'), /^max/);
});

test('ServiceCgroup knows its processes and who was killed for memory', () => {
  using sys = new RecordingSys();
  const cgroup = cgroupWith(sys, {
    'cgroup.procs': '12\n345\n',
    'memory.events': 'low 0\noom 3\noom_kill 2\n',
  });
  assert.deepEqual(cgroup.processes(), [12, 345]);
  assert.equal(cgroup.memoryKills(), 2);
});

test('ServiceCgroup without a memory controller has seen no kills', () => {
  using sys = new RecordingSys();
  assert.equal(cgroupWith(sys, {}).memoryKills(), 0);
});

test('openServiceCgroups has nothing to offer where the kernel has none', () => {
  using sys = new RecordingSys();
  assert.equal(openServiceCgroups(sys, assert.fail), undefined);
});
