// What was said in one boot can be read in the next.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { bootDevice, consoleLines, prepareDevice, putExt4, service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

test('logs of a boot are kept in /perm, with how it ended', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { services: [service('app')] });
  putExt4(sys);
  const first = await bootDevice(sys);
  sys.processes[0]?.write('water level low\n');
  await first.power('restart', 'asked for by a test');

  const second = await bootDevice(sys);
  const { logKeeper } = second.device;
  const [before, ...others] = await logKeeper.boots();
  assert.deepEqual(others, []);
  assert.deepEqual([before?.boot, before?.buildId, before?.slot], [-1, 'b1', 'a']);
  assert.equal(before?.end?.how, 'restart: asked for by a test');
  assert.deepEqual(before.logs, ['app', 'init']);
  const app = (await logKeeper.lines(-1, 'app')) ?? [];
  assert.deepEqual(
    app.map(({ stream, text }) => [stream, text]),
    [
      ['init', 'started as process 100'],
      ['stdout', 'water level low'],
      ['init', 'killed by SIGTERM'],
    ],
  );
  const init = ((await logKeeper.lines(-1, 'init')) ?? []).map(({ text }) => text);
  assert.equal(init.at(-1), 'services stopped');
  await second.power('poweroff', 'enough');
});

test('a failure of init itself is kept, too', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys);
  const first = await bootDevice(sys);
  await first.giveUp(new Error('a mistake'));
  const second = await bootDevice(sys);
  const [before] = await second.device.logKeeper.boots();
  assert.equal(before?.end?.how, 'fatal: a mistake');
  const init = ((await second.device.logKeeper.lines(-1, 'init')) ?? []).map(({ text }) => text);
  assert.ok(init.includes('fatal: a mistake; the device restarts'));
  await second.power('poweroff', 'enough');
});

test('nothing is kept in a /perm that is in memory', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys);
  sys.file('/dev/vda4', Buffer.from('data of an unknown kind, which is left alone'));
  const init = await bootDevice(sys);
  await init.power('restart', 'asked for by a test');
  assert.equal(init.device.perm.state, 'tmpfs');
  assert.ok(!readdirSync(sys.path('/perm')).includes('log'));
});

test('a /perm that takes no logs is said, and holds up neither boot nor the way down', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { services: [service('app')] });
  putExt4(sys);
  writeFileSync(sys.path('/perm/log'), 'in the way');
  const init = await bootDevice(sys);
  await init.power('restart', 'asked for by a test');
  assert.equal(
    consoleLines(sys).filter((line) => line.startsWith('init: Cannot keep logs in /perm: ')).length,
    1,
  );
  assert.equal(sys.log.at(-1), 'power restart');
});
