import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { UsageMeter } from './usage-meter.ts';

/** A made-up /proc and /sys. */
async function fakeKernel(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'tsk-meter-'));
  t.after(() => rm(root, { recursive: true }));
  const write = async (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  };
  return { write, meter: new UsageMeter({ proc: join(root, 'proc'), sys: join(root, 'sys') }) };
}

suite('UsageMeter', () => {
  test('adds up a service’s cgroup and takes rates against the sample before', async (t) => {
    const { write, meter } = await fakeKernel(t);
    await write({
      'proc/stat': 'cpu  100 0 0 900 0 0 0 0\ncpu0 1\n',
      'proc/meminfo': 'MemTotal: 1000 kB\nMemAvailable: 600 kB\n',
      'proc/self/mounts': '',
      'proc/net/dev': '',
      'proc/7/cgroup': '0::/apps/app\n',
      'proc/7/status': 'RssAnon:\t 20 kB\nRssFile:\t 900 kB\nRssShmem:\t 10 kB\n',
      'proc/8/status': 'RssAnon:\t 10 kB\n',
      'proc/9/status': 'Name:\tbwrap\nRssAnon:\t 2 kB\n',
      'sys/fs/cgroup/apps/app/cgroup.procs': '7\n8\n9\n',
      'sys/fs/cgroup/apps/app/cpu.stat': 'usage_usec 1000000\n',
      'sys/class/thermal/thermal_zone0/temp': '41500\n',
      'sys/class/thermal/thermal_zone1/temp': '52000\n',
    });
    const services = [
      { name: 'app', pid: 7 },
      { name: 'gone', pid: 99 },
      { name: 'down', pid: null },
    ];
    const first = await meter.sample(services);
    assert.deepEqual(first.services.get('app'), { memoryBytes: 42 * 1024, cpuCores: null, processes: 2 });
    assert.deepEqual(first.services.get('gone'), { memoryBytes: null, cpuCores: null, processes: 1 });
    assert.equal(first.services.get('down'), undefined);
    assert.equal(first.device.cpu.busyFraction, null);
    assert.equal(first.device.temperatureCelsius, 52);
    await write({ 'sys/fs/cgroup/apps/app/memory.stat': 'anon 3000\nfile 90000\nshmem 70000\n' });
    assert.equal((await meter.sample(services)).services.get('app')?.memoryBytes, 73_000);
    assert.deepEqual(first.device.memory, { totalBytes: 1000 * 1024, availableBytes: 600 * 1024 });

    await write({
      'proc/stat': 'cpu  125 0 0 975 0 0 0 0\ncpu0 1\n',
      'sys/fs/cgroup/apps/app/cpu.stat': 'usage_usec 1500000\n',
    });
    const second = await meter.sample(services);
    assert.equal(second.device.cpu.busyFraction, 0.25);
    assert.ok((second.services.get('app')?.cpuCores ?? 0) > 0);

    // Another process under the same name: its time has nothing to do with the time before.
    const third = await meter.sample([{ name: 'app', pid: 8 }]);
    assert.equal(third.services.get('app')?.cpuCores, null);
  });

  test('measures this machine', { skip: process.platform !== 'linux' }, async () => {
    const meter = new UsageMeter();
    const { device, services } = await meter.sample([{ name: 'me', pid: process.pid }]);
    assert.ok(device.memory.totalBytes > device.memory.availableBytes);
    assert.ok(device.cpu.cores >= 1);
    assert.ok((services.get('me')?.memoryBytes ?? 0) > 1024 * 1024);
    assert.ok(meter.ageMs < 60_000);
  });
});
