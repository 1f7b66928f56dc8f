// Apps come from the other slot's image: what is mounted, what is started from where, and what remains when it is
// undone or cannot be done. Real processes are in replace-apps.test.ts, real images in test/boot.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LiveSwitch } from '../../src/device/init/update/live-switch.ts';
import type { Init } from '../../src/device/init/init.ts';
import type { DeviceConfig, ServiceSpec } from '../../src/shared/services/services.ts';
import { bootDevice, prepareDevice, service } from '../support/init/init-scenario.ts';
import { type Answers, RecordingSys } from '../support/init/recording-sys.ts';

const ROOT = '/run/tsk/roots/b';
const CONFIG_OF_B = `${ROOT}/etc/tskrazy/device.json`;
const MOUNTS = [
  `mount /dev/vda3 on ${ROOT} type squashfs (ro,nodev)`,
  ...['boot', 'dev', 'mnt', 'perm', 'proc', 'run', 'sys', 'tmp'].map(
    (name) => `mount /${name} on ${ROOT}/${name} type  (${name === 'run' ? 'bind' : 'rbind'})`,
  ),
  `mount /bin/node on ${ROOT}/bin/node type  (bind)`,
];
const DETACH = `detach ${ROOT}`;
const net = service('net', { kind: 'system', dataDir: '/run/tsk/net' });

interface Scenario {
  init: Init;
  liveSwitch: LiveSwitch;
  /** What the kernel was asked for since the boot. */
  log: () => string[];
}

/** A device that runs `services` from slot a, as build b1; slot b has build b2. */
async function scenario(
  sys: RecordingSys,
  services: readonly ServiceSpec[],
  slotB: Partial<DeviceConfig>,
): Promise<Scenario> {
  prepareDevice(sys, { services: [net, ...services] });
  const config = JSON.parse(readFileSync(sys.path('/etc/tskrazy/device.json'), 'utf8')) as DeviceConfig;
  sys.file(CONFIG_OF_B, JSON.stringify({ ...config, buildId: 'b2', buildTimeSec: 1_800_000_000, ...slotB }));
  const init = await bootDevice(sys);
  const booted = sys.log.length;
  return { init, liveSwitch: new LiveSwitch(init.device), log: () => sys.log.slice(booted) };
}

function pidOf({ init }: Scenario, name: string): number | null | undefined {
  return init.device.supervisor.get(name)?.status().pid;
}

function states({ init }: Scenario): Record<string, string> {
  return Object.fromEntries(init.device.supervisor.list().map(({ spec, state }) => [spec.name, state]));
}

async function rejectsAndChangesNothing(
  slotB: Partial<DeviceConfig>,
  message: RegExp,
  answers: Answers = {},
): Promise<void> {
  using sys = new RecordingSys(answers);
  const device = await scenario(sys, [service('app')], slotB);
  const { liveSwitch, init, log } = device;
  const pid = pidOf(device, 'app');
  await assert.rejects(liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['app'] }), message);
  assert.deepEqual([liveSwitch.slot, init.device.config.buildId], [null, 'b1']);
  assert.equal(pidOf(device, 'app'), pid);
  assert.deepEqual(
    log().filter((line) => !line.startsWith('mount ')),
    log().includes(MOUNTS[0] ?? '') && answers.mount === undefined ? [DETACH] : [],
  );
  await init.power('restart', 'test');
}

test('changed apps stop and start from the other root, new ones start, what is gone stops, the others go on', async () => {
  using sys = new RecordingSys();
  const device = await scenario(sys, [service('kept'), service('changed'), service('old')], {
    services: [net, service('kept'), service('changed', { argv: ['/user/changed', '--v2'] }), service('new')],
  });
  const { init, liveSwitch, log } = device;
  const [kept, changed, old, system] = ['kept', 'changed', 'old', 'net'].map((name) => pidOf(device, name));
  await liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['changed', 'new', 'old'] });
  assert.equal(liveSwitch.slot, 'b');
  assert.equal(init.device.status().buildId, 'b2');
  assert.equal(init.device.status().slot, 'a');
  assert.equal(init.device.bootRecord().buildId, 'b1', 'of this start of the device');
  assert.deepEqual([pidOf(device, 'kept'), pidOf(device, 'net')], [kept, system]);
  assert.deepEqual(log().slice(0, MOUNTS.length), MOUNTS);
  assert.deepEqual(
    log().slice(MOUNTS.length).toSorted(),
    [
      // The order of process numbers is that of the data directories, which are made at the same time.
      `kill -${changed} SIGTERM`,
      `kill -${old} SIGTERM`,
      `spawn /user/changed --v2 in /perm/home/changed of ${ROOT}`,
      `spawn /user/new in /perm/home/new of ${ROOT}`,
    ].toSorted(),
  );
  assert.deepEqual(states(device), { net: 'running', kept: 'running', changed: 'running', new: 'running' });
  const said = init.device.log.ring.last(100).map(({ text }) => text);
  assert.ok(said.includes('live switch to slot b, build b2: stops old; restarts changed; starts new'));
  await init.power('restart', 'test');
});

test('an app whose files have changed restarts, an unchanged one comes from the other root at its next start', async () => {
  using sys = new RecordingSys();
  const device = await scenario(sys, [service('changed'), service('kept')], {});
  const { init, liveSwitch, log } = device;
  await liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['changed'] });
  assert.equal(log().at(-1), `spawn /user/changed in /perm/home/changed of ${ROOT}`);
  await init.device.supervisor.get('kept')?.restart();
  assert.equal(log().at(-1), `spawn /user/kept in /perm/home/kept of ${ROOT}`);
  const switched = log().length;
  await liveSwitch.undo();
  const undoing = log().slice(switched);
  assert.deepEqual(
    undoing.slice(0, 2).map((line) => line.split(' ')[0]),
    ['kill', 'kill'],
  );
  assert.equal(undoing[2], DETACH, 'after what uses it, and before sandboxes that would');
  assert.deepEqual(undoing.slice(3).toSorted(), [
    'spawn /user/changed in /perm/home/changed',
    'spawn /user/kept in /perm/home/kept',
  ]);
  await init.power('restart', 'test');
});

test('a sandboxed app has the other root for its own, and the directories of the device', async () => {
  using sys = new RecordingSys();
  const sandbox = {
    devices: [],
    paths: { '/perm/shared': 'ro', '/app/other': 'ro' },
    capabilities: [],
  } as const;
  const app = service('app', { sandbox, user: { name: 'app', uid: process.getuid?.() ?? 0 } });
  const { init, liveSwitch, log } = await scenario(sys, [app], {});
  await liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['app'] });
  const spawned = log().at(-1) ?? '';
  assert.match(spawned, new RegExp(`^spawn /tsk/bin/bwrap .* --ro-bind ${ROOT} / --proc /proc `));
  assert.ok(spawned.includes(' --bind /perm/home/app /perm/home/app '));
  assert.ok(spawned.includes(` --ro-bind ${ROOT}/app/other /app/other `));
  assert.ok(spawned.includes(' --ro-bind /perm/shared /perm/shared '));
  assert.ok(spawned.endsWith(' in /'), 'bwrap itself is of the running root');
  await liveSwitch.undo();
  assert.equal(log().at(-3), DETACH, 'it has what it needs of it for itself');
  assert.match(log().at(-2) ?? '', /^kill /);
  assert.match(log().at(-1) ?? '', / --ro-bind \/ \/ --proc /);
  await init.power('restart', 'test');
});

test('undo: all is as before, with the same logs', async () => {
  using sys = new RecordingSys();
  const device = await scenario(sys, [service('kept'), service('changed'), service('old')], {
    services: [net, service('kept'), service('changed', { stopTimeoutSec: 1 }), service('new')],
  });
  const { init, liveSwitch, log } = device;
  const { supervisor } = init.device;
  const kept = pidOf(device, 'kept');
  const ring = supervisor.get('old')?.log;
  await liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['changed', 'new', 'old'] });
  sys.processes.find(({ request }) => request.argv[0] === '/user/new')?.write('cannot go on\n');
  const switched = log().length;
  await liveSwitch.undo();
  assert.equal(liveSwitch.slot, null);
  assert.equal(init.device.status().buildId, 'b1');
  assert.equal(pidOf(device, 'kept'), kept);
  assert.deepEqual(
    log()
      .slice(switched)
      .filter((line) => line.startsWith('spawn'))
      .toSorted(),
    ['spawn /user/changed in /perm/home/changed', 'spawn /user/old in /perm/home/old'],
  );
  assert.deepEqual(states(device), { net: 'running', kept: 'running', changed: 'running', old: 'running' });
  assert.equal(supervisor.get('old')?.log, ring);
  assert.equal(supervisor.logs.get('new')?.lastOutput(), 'cannot go on');
  assert.deepEqual(init.device.warnings, []);

  await liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['changed', 'new', 'old'] });
  assert.equal(
    supervisor
      .get('new')
      ?.log.last(10)
      .some(({ text }) => text === 'cannot go on'),
    true,
  );
  await init.power('restart', 'test');
});

test('what a person has stopped stays so, and so does what a person stops or starts during the trial', async () => {
  using sys = new RecordingSys();
  const names = ['stopped', 'stops', 'starts', 'manual'];
  const services = names.map((name) => service(name, { autostart: name !== 'manual' }));
  const device = await scenario(sys, services, {});
  const { init, liveSwitch } = device;
  const { supervisor } = init.device;
  await supervisor.get('stopped')?.stop();
  await supervisor.get('starts')?.stop();
  await liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: names });
  assert.deepEqual(states(device), {
    net: 'running',
    stopped: 'stopped',
    stops: 'running',
    starts: 'stopped',
    manual: 'stopped',
  });
  await supervisor.get('stops')?.stop();
  await supervisor.get('starts')?.start('request');
  await liveSwitch.undo();
  assert.deepEqual(states(device), {
    net: 'running',
    stopped: 'stopped',
    stops: 'stopped',
    starts: 'running',
    manual: 'stopped',
  });
  await init.power('restart', 'test');
});

test('an app that the new configuration starts by itself starts, and stops again with undo', async () => {
  using sys = new RecordingSys();
  const device = await scenario(sys, [service('app', { autostart: false })], {
    services: [net, service('app')],
  });
  const { init, liveSwitch } = device;
  await liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['app'] });
  assert.equal(states(device)['app'], 'running');
  await liveSwitch.undo();
  assert.equal(states(device)['app'], 'stopped');
  await init.power('restart', 'test');
});

test('a switch that is kept is for good; another one needs a restart of the device', async () => {
  using sys = new RecordingSys();
  const device = await scenario(sys, [service('app')], {});
  const { init, liveSwitch } = device;
  await liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['app'] });
  const pid = pidOf(device, 'app');
  liveSwitch.keep();
  await liveSwitch.undo();
  assert.equal(liveSwitch.slot, 'b');
  assert.equal(pidOf(device, 'app'), pid);
  await assert.rejects(liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: [] }), /restart first/);
  await init.power('restart', 'test');
});

test('what cannot be switched live is refused, and all is as before', async () => {
  await rejectsAndChangesNothing({ buildId: 'b3' }, /The slot has build b3, not b2/);
  await rejectsAndChangesNothing(
    { hostname: 'other', time: { servers: ['10.0.0.1'] } },
    /^Error: Only a restart of the device can change its hostname, time$/,
  );
  await rejectsAndChangesNothing(
    { services: [{ ...net, argv: ['/tsk/net', '-v'] }, service('app')] },
    /its services$/,
  );
  await rejectsAndChangesNothing({ formatVersion: 2 as 1 }, /format version is 2, not 1/);
  await rejectsAndChangesNothing({}, /no squashfs/, {
    mount: ({ type }) => {
      if (type === 'squashfs') throw new Error('no squashfs');
    },
  });
});

test('a root that cannot be completed is not left mounted', async () => {
  using sys = new RecordingSys({
    mount: ({ source, flags }) => {
      if (source === '/sys' && flags.includes('rbind')) throw new Error('no memory');
    },
  });
  const { init, liveSwitch, log } = await scenario(sys, [service('app')], {});
  await assert.rejects(liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['app'] }), /no memory/);
  assert.equal(log().at(-1), DETACH);
  await init.power('restart', 'test');
});

test('going down in the middle of a switch starts nothing any more', async () => {
  const toEnd: (() => void)[] = [];
  using sys = new RecordingSys({
    onSignal: (process, signal) => void toEnd.push(() => process.exit({ signal })),
  });
  const { init, liveSwitch, log } = await scenario(sys, [service('changed'), service('old')], {
    services: [net, service('changed', { stopTimeoutSec: 9 }), service('new')],
  });
  const switching = liveSwitch.start({ slot: 'b', buildId: 'b2', changedApps: ['changed', 'old', 'new'] });
  const goingDown = init.power('poweroff', 'test');
  const end = setInterval(() => toEnd.shift()?.(), 1);
  await Promise.all([switching, goingDown]);
  clearInterval(end);
  assert.ok(!log().some((line) => line.startsWith('spawn ')));
  assert.equal(log().at(-1), 'power poweroff');
});
