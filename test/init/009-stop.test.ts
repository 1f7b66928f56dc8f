import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Init } from '../../src/device/init/init.ts';
import { bootDevice, prepareDevice, putExt4, service } from '../support/init/init-scenario.ts';
import { RecordingSys, type Answers } from '../support/init/recording-sys.ts';

test('an app that ignores SIGTERM is killed when its time is up, the others are not held up', async () => {
  using sys = new RecordingSys({
    onSignal(process, signal) {
      const isStubborn = process.request.argv[0] === '/user/stubborn';
      if (!isStubborn || signal === 'SIGKILL') process.exit({ signal });
    },
  });
  const net = service('net', { kind: 'system', dataDir: '/run/tsk/net' });
  prepareDevice(sys, { services: [net, service('stubborn', { stopTimeoutSec: 0.05 }), service('app')] });
  putExt4(sys);
  const init = await bootDevice(sys);
  const booted = sys.log.length;
  const [netPid, stubborn, app] = ['net', 'stubborn', 'app'].map(
    (name) => init.device.supervisor.get(name)?.status().pid,
  );
  await init.power('poweroff', 'test');
  assert.deepEqual(sys.log.slice(booted), [
    `kill -${stubborn} SIGTERM`,
    `kill -${app} SIGTERM`,
    `kill -${stubborn} SIGKILL`,
    `kill -${netPid} SIGTERM`,
    'sync, unmount /perm',
    'power poweroff',
  ]);
});

test('being told twice to go down does it once', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys, { services: [service('app')] });
  putExt4(sys);
  const init = await bootDevice(sys);
  await Promise.all([init.power('restart', 'first'), init.power('poweroff', 'second')]);
  assert.deepEqual(
    sys.log.filter((line) => line.startsWith('power')),
    ['power restart'],
  );
});

test('going down in the middle of the boot starts nothing any more', async () => {
  const answers: Answers = {};
  using sys = new RecordingSys(answers);
  const net = service('net', { kind: 'system', dataDir: '/run/tsk/net' });
  prepareDevice(sys, { services: [net, service('app')] });
  const init = new Init(sys);
  const formatting = Promise.withResolvers<void>();
  answers.run = () => {
    formatting.resolve();
    return { exitCode: 0, output: '' };
  };
  const boot = init.boot();
  await formatting.promise;
  await Promise.all([init.power('restart', 'test'), boot]);
  assert.deepEqual(
    sys.log.filter((line) => line.startsWith('spawn')),
    ['spawn /user/net in /'],
  );
  assert.ok(sys.log.includes('power restart'));
});

test('a service that cannot be executed does not hold up boot, nor the way down', async () => {
  using sys = new RecordingSys({
    spawn() {
      throw new Error('Cannot execute "/user/app"');
    },
  });
  prepareDevice(sys, { services: [service('app')] });
  putExt4(sys);
  const init = await bootDevice(sys);
  assert.equal(init.device.supervisor.get('app')?.state, 'backoff');
  assert.equal(init.device.supervisor.get('app')?.status().reason, 'Cannot execute "/user/app"');
  await init.power('restart', 'test');
  assert.equal(init.device.supervisor.get('app')?.state, 'stopped');
  assert.equal(sys.log.at(-1), 'power restart');
});
