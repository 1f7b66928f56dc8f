import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RecordingSys } from '../../../../test/support/init/recording-sys.ts';
import { openServiceCgroups, type ServiceCgroup } from './service-cgroup.ts';

const ROOT = '/sys/fs/cgroup';
const APP = `${ROOT}/tsk/app`;

/** A cgroup in a directory with these of the kernel's files. */
function cgroupWith(sys: RecordingSys, files: Readonly<Record<string, string>>): ServiceCgroup {
  for (const directory of [ROOT, `${ROOT}/tsk`]) sys.file(`${directory}/cgroup.controllers`, 'cpu pids\n');
  for (const [name, content] of Object.entries(files)) sys.file(`${APP}/${name}`, content);
  const open = openServiceCgroups(sys);
  assert.ok(open);
  return open('app');
}

test('ServiceCgroup.limit sets what the kernel can limit and names the rest', () => {
  using sys = new RecordingSys();
  const cgroup = cgroupWith(sys, { 'pids.max': 'max\n', 'cpu.weight': '100\n' });
  assert.deepEqual(cgroup.limit({ maxProcesses: 64, memoryBytes: 2 ** 26, cpuWeight: 10 }), ['memory']);
  assert.match(readFileSync(sys.path(`${APP}/pids.max`), 'utf8'), /^64/);
  assert.match(readFileSync(sys.path(`${APP}/cpu.weight`), 'utf8'), /^10/);
  assert.deepEqual(cgroup.limit({ maxProcesses: 64 }), []);
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
  for (const [index, value] of ['max', 'max', '0', '100'].entries()) assert.ok(set[index]?.startsWith(value));
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
  assert.equal(openServiceCgroups(sys), undefined);
});
