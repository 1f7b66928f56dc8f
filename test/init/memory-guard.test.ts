// Whose memory it is when a device has none left: real processes that hide what they hold, in this computer's kernel.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test, type TestContext } from 'node:test';
import { describeHeld, heldMemory, type HeldMemory } from '../../src/device/init/memory/held-memory.ts';
import { guardMemory } from '../../src/device/init/memory/memory-guard.ts';
import { Conditions } from '../../src/device/init/supervisor/conditions.ts';
import { AppDevices } from '../../src/device/init/supervisor/app-devices.ts';
import { Service } from '../../src/device/init/supervisor/service.ts';
import { linuxSys } from '../../src/device/sys/linux.ts';
import type { Sys } from '../../src/device/sys/sys.ts';
import { service } from '../support/init/init-scenario.ts';
import { eventually } from '../support/machines/appliance.ts';
import { requireTool } from '../support/require-tool.ts';

const HOLDER = join(import.meta.dirname, '../fixtures/memory/holder.ts');
const MIB = 2 ** 20;
const HOARD_BYTES = 48 * MIB;

const scratch = mkdtempSync(join(tmpdir(), 'tsk-memory-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const kernel = linuxSys();

/** In namespaces of its own, as in a sandbox, with a /tmp in memory. */
function holderCommand(way: string, bytes = HOARD_BYTES): string[] {
  const script = 'mount -t tmpfs tmpfs /tmp && exec "$0" --disable-warning=ExperimentalWarning "$@"';
  return ['unshare', '--mount', '--ipc', 'sh', '-c', script, process.execPath, HOLDER, way, String(bytes)];
}

/** Looked at so often, as if it were as many processes. */
async function heldBy(t: TestContext, way: string, times = 2): Promise<HeldMemory> {
  const [program = '', ...args] = holderCommand(way);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  // unshare and sh have become the holder.
  return heldMemory(kernel, { processes: () => Array<number>(times).fill(pid), readCgroup: () => undefined });
}

const skip = process.getuid?.() === 0 ? false : 'only root makes namespaces and looks into processes';

suite('what no process shows as its own', { skip }, () => {
  for (const [way, part] of [
    ['open', 'memfds'],
    ['mapped', 'memfds'],
    ['scratch', '/tmp and /dev/shm'],
    ['segment', 'shared memory of System V'],
  ] as const) {
    test(`is found when it is ${way}, once`, async (t) => {
      if (!requireTool(t, 'unshare')) return;
      const held = await heldBy(t, way);
      const found = held.parts[part] ?? 0;
      assert.ok(found >= HOARD_BYTES && found < HOARD_BYTES * 1.1, `${found} bytes in ${part}`);
      assert.match(describeHeld(held), new RegExp(`^held \\d+ MB, of which 5\\d MB in ${part}$`));
    });
  }

  test('is nothing where nothing is held', async (t) => {
    if (!requireTool(t, 'unshare')) return;
    const { bytes, parts, filesBytes } = await heldBy(t, 'nothing');
    assert.ok(bytes > MIB);
    assert.ok(filesBytes < MIB, JSON.stringify(parts));
  });

  test('is seen to be on its way in a socket', async (t) => {
    if (!requireTool(t, 'unshare')) return;
    assert.equal((await heldBy(t, 'sent', 1)).unseenFiles, 1);
  });
});

/** A service that has said what it says when it is there. */
async function start(name: string, argv: readonly string[], says: string): Promise<Service> {
  const started = new Service(
    service(name, { argv, dataDir: join(scratch, name), restart: 'never', stopTimeoutSec: 0 }),
    {
      sys: { ...kernel, path: (path) => (path.startsWith('/run/') ? join(scratch, path) : path) },
      cgroup: () => undefined,
      isPermReady: () => true,
      conditions: new Conditions(kernel, () => false),
      devices: new AppDevices(kernel),
      say: () => {},
      onChange: () => {},
      random: () => 0.5,
    },
  );
  const said = Promise.withResolvers<void>();
  started.log.follow((line) => line.text === says && said.resolve());
  await started.start('request');
  await said.promise;
  return started;
}

/** What is said of its end. */
function ended(app: Service): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  app.log.follow(({ text }) => text.startsWith('killed') && resolve(text));
  return promise;
}

/** What /proc/meminfo and file-nr say is the test's. */
class Device {
  readonly sys: Sys;
  readonly #fields: Record<string, number> = {};

  constructor() {
    const places: Record<string, string> = {
      '/proc/meminfo': join(scratch, 'meminfo'),
      '/proc/sys/fs/file-nr': join(scratch, 'file-nr'),
    };
    this.sys = {
      ...kernel,
      keepCodeInMemory: () => {},
      path: (path) => places[path] ?? (path.startsWith('/proc') ? path : join(scratch, path)),
    };
    this.says({ MemAvailable: 300 });
    this.hasOpen(1000);
  }

  says(mib: Record<string, number>): void {
    Object.assign(this.#fields, mib);
    const lines = Object.entries(this.#fields).map(([name, value]) => `${name}: ${value * 1024} kB\n`);
    writeFileSync(join(scratch, 'meminfo'), lines.join(''));
  }

  hasOpen(files: number): void {
    writeFileSync(join(scratch, 'file-nr'), `${files}\t0\t40000\n`);
  }
}

const EATEN = 'x=$(head -c 30000000 /dev/zero | tr "\\0" x); echo held; kill -STOP $$';
const INNOCENT = ['/bin/sh', '-c', EATEN];

for (const [way, reason] of [
  ['open', /killed: the device ran out of memory, .* it held \d+ MB, of which 50 MB in memfds/],
  ['sent', /it held \d+ MB, of which \d{4} MB in files on their way in sockets$/],
] as const) {
  test(`who holds most when memory runs out is killed, and no innocent app: ${way}`, { skip }, async (t) => {
    if (!requireTool(t, 'unshare')) return;
    const device = new Device();
    const innocent = await start('innocent', INNOCENT, 'held');
    const hoarder = await start('hoarder', holderCommand(way), 'held');
    t.after(() => Promise.all([innocent.stop(), hoarder.stop()]));
    const complaints: string[] = [];
    guardMemory({
      sys: device.sys,
      apps: () => [innocent, hoarder],
      goFirst: () => [],
      say: (text) => complaints.push(text),
    });
    const end = ended(hoarder);
    // Much more than other programs of this computer have there, which are not to matter.
    device.says({ MemAvailable: 20, Shmem: 9000 });
    const text = await end;
    device.says({ MemAvailable: 300 });
    assert.match(text, reason);
    assert.deepEqual([innocent.state, complaints], ['running', []]);
  });
}

test('who holds most is the first for the kernel to kill while memory is short', { skip }, async (t) => {
  if (!requireTool(t, 'unshare')) return;
  const device = new Device();
  const innocent = await start('innocent', INNOCENT, 'held');
  const hoarder = await start('hoarder', holderCommand('open'), 'held');
  t.after(() => Promise.all([innocent.stop(), hoarder.stop()]));
  const scores = (): string[] =>
    [innocent, hoarder].map((app) => readFileSync(`/proc/${app.tree?.pid}/oom_score_adj`, 'latin1').trim());
  guardMemory({ sys: device.sys, apps: () => [innocent, hoarder], goFirst: () => [], say: () => {} });
  assert.deepEqual(scores(), ['500', '500']);
  device.says({ MemAvailable: 100 });
  await eventually('the suspect', () => Promise.resolve(scores()[1] !== '500'));
  assert.deepEqual(scores(), ['500', '1000']);
  device.says({ MemAvailable: 300 });
  await eventually('no suspect', () => Promise.resolve(scores()[1] === '500'));
});

test('who has opened most files is killed when the device can hardly open any more', { skip }, async (t) => {
  const device = new Device();
  const innocent = await start('innocent', INNOCENT, 'held');
  const opener = await start('opener', ['/bin/sh', '-c', manyFiles(), 'sh'], 'held');
  t.after(() => Promise.all([innocent.stop(), opener.stop()]));
  guardMemory({ sys: device.sys, apps: () => [innocent, opener], goFirst: () => [], say: () => {} });
  const end = ended(opener);
  device.hasOpen(39_000);
  const text = await end;
  device.hasOpen(1000);
  assert.match(text, /can hardly open any more files, .* had most: \d+ in its processes$/);
  assert.equal(innocent.state, 'running');
});

function manyFiles(): string {
  const opened = [4, 5, 6, 7, 8, 9].map((fd) => `exec ${fd}< /dev/null`).join('; ');
  return `${opened}; echo held; kill -STOP $$`;
}

test('what the kernel counts in a cgroup is taken as it is, without what it can take back', () => {
  const stat = [
    'anon 1000000',
    'file 90000000',
    'kernel 5000000',
    'shmem 70000000',
    'sock 0',
    'slab_reclaimable 1000000',
  ];
  const held = heldMemory(kernel, { processes: () => [], readCgroup: () => `${stat.join('\n')}\n` });
  assert.equal(describeHeld(held), 'held 75 MB, of which 70 MB in memfds and files in memory');
});

test('a break-glass session goes before any app, as soon as memory is short', async (t) => {
  const device = new Device();
  const innocent = await start('innocent-of-all', INNOCENT, 'held');
  const session = await start('session', ['/bin/sh', '-c', EATEN.replace('30000000', '60000000')], 'held');
  t.after(() => Promise.all([innocent.stop(), session.stop()]));
  const killed = ended(session);
  guardMemory({ sys: device.sys, apps: () => [innocent], goFirst: () => [session], say: () => {} });
  device.says({ MemAvailable: 100 });
  assert.match(await killed, /^killed: memory is short, and this goes before all apps: it held \d+ MB/);
  device.says({ MemAvailable: 300 });
  assert.equal(innocent.state, 'running');
});
