// The supervisor with real processes, this one in the place of PID 1: orphans become its children. Without
// cgroups, which need root; those are tested in a virtual machine (test/boot/supervision).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeAppSecrets, secretsFileOf } from '../../src/shared/services/app-secrets.ts';
import type { ServiceSpec, ServiceState } from '../../src/shared/services/services.ts';
import { bindLibc } from '../../src/device/sys/libc.ts';
import { linuxSys } from '../../src/device/sys/linux.ts';
import type { Sys } from '../../src/device/sys/sys.ts';
import { Conditions } from '../../src/device/init/supervisor/conditions.ts';
import { keepReapingOrphans } from '../../src/device/init/supervisor/reap-orphans.ts';
import { AppDevices } from '../../src/device/init/supervisor/app-devices.ts';
import { Service } from '../../src/device/init/supervisor/service.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tsk-service-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const PR_SET_CHILD_SUBREAPER = 36;
bindLibc('prctl', ['int32', 'uint64'])(PR_SET_CHILD_SUBREAPER, 1n);
const kernel = linuxSys();
const sys: Sys = {
  ...kernel,
  path: (path) => (/^\/(?:run|etc\/tskrazy)\//.test(path) ? join(scratch, path) : kernel.path(path)),
};
keepReapingOrphans(sys);

/** A service that runs a shell script, and what happens to it. */
class Subject {
  readonly service: Service;
  readonly states: ServiceState[] = [];
  readonly #changes = new EventTarget();

  constructor(script: string, spec: Partial<ServiceSpec> = {}) {
    this.service = new Service(
      {
        name: 'subject',
        kind: 'binary',
        argv: ['/bin/sh', '-c', script],
        env: {},
        dataDir: join(scratch, 'data'),
        restart: 'never',
        autostart: true,
        stopTimeoutSec: 10,
        ...spec,
      },
      {
        sys,
        cgroup: () => undefined,
        isPermReady: () => true,
        conditions: new Conditions(sys, () => false),
        devices: new AppDevices(sys),
        say: () => {},
        onChange: (service) => {
          this.states.push(service.state);
          this.#changes.dispatchEvent(new Event('change'));
        },
        random: () => 0.5,
      },
    );
  }

  async reaches(...states: ServiceState[]): Promise<void> {
    while (!states.includes(this.service.state)) await once(this.#changes, 'change');
  }

  async says(text: string): Promise<void> {
    if (this.output().includes(text)) return;
    const said = Promise.withResolvers<void>();
    const end = this.service.log.follow((line) => line.text === text && said.resolve());
    await said.promise;
    end();
  }

  output(): string[] {
    return this.service.log
      .last(1000)
      .filter((line) => line.stream !== 'init')
      .map((line) => line.text);
  }
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

const STARTS = 20;

test('a start that fails leaves nothing open, however often', async () => {
  const tooLarge = new Subject('exit', { env: { LARGE: 'x'.repeat(200_000) } });
  const missing = new Subject('exit', { argv: ['/bin/nothing'] });
  const before = openFiles();
  for (let count = 0; count < STARTS; count++) {
    for (const { service } of [tooLarge, missing]) await service.start('request');
  }
  await Promise.all([tooLarge.reaches('failed'), missing.reaches('failed')]);
  assert.match(
    tooLarge.service.status().reason ?? '',
    /^Cannot execute "\/bin\/sh" in ".*": its arguments or environment are too large$/,
  );
  assert.match(missing.service.status().reason ?? '', /^Cannot execute "\/bin\/nothing" in ".*": ENOENT$/);
  // Each has its socket. What other tests of this process have opened may go, or come, meanwhile.
  assert.ok(openFiles() < before + STARTS, `${openFiles()} files are open, ${before} were`);
});

test('Service runs a program in its data directory with its environment and nothing else', async () => {
  const subject = new Subject('env; stat -c %F /proc/self/fd/0; echo problem > /dev/stderr', {
    env: { GREETING: 'hello', HOME: '/elsewhere' },
  });
  await subject.service.start('boot');
  await subject.reaches('stopped');
  const lines = subject.output();
  for (const expected of [
    'GREETING=hello',
    'HOME=/elsewhere',
    'PATH=/user:/tsk:/bin',
    'USER=root',
    'TERM=linux',
    'TSK_SERVICE=subject',
    `TSK_DATA_DIR=${scratch}/data`,
    'GOKRAZY_FIRST_START=1',
    'problem',
  ]) {
    assert.ok(lines.includes(expected), `${expected} in ${lines.join(' ')}`);
  }
  assert.equal(statSync(join(scratch, 'data')).mode & 0o777, 0o700);
  assert.deepEqual(subject.states, ['starting', 'running', 'stopped']);
});

function putSecrets(secrets: Record<string, string>): void {
  const path = sys.path(secretsFileOf('subject'));
  mkdirSync(dirname(path), { recursive: true });
  const contents = Object.entries(secrets).map(([name, text]) => [name, Buffer.from(text)] as const);
  writeFileSync(path, encodeAppSecrets(Object.fromEntries(contents), 'salt'));
}

test('Service gives a program its secrets as files that only its user reads, anew at each start', async () => {
  const subject = new Subject(
    'ls "$AT/run/tsk/secrets/subject"; stat -c "%a %n" "$AT$TSK_SECRET_TOKEN"; cat "$AT$TSK_SECRET_TOKEN"; env',
    { secrets: ['TOKEN'], env: { AT: scratch } },
  );
  putSecrets({ TOKEN: 'first value', OTHER: 'not named' });
  await subject.service.start('request');
  await subject.reaches('stopped');
  const path = join(scratch, 'run/tsk/secrets/subject/TOKEN');
  // The program is the last to write, and without a newline.
  assert.deepEqual(subject.output().slice(0, 2), ['TOKEN', `400 ${path}`]);
  assert.match(subject.output()[2] ?? '', /^first value/);
  assert.ok(subject.output().includes('TSK_SECRET_TOKEN=/run/tsk/secrets/subject/TOKEN'));
  assert.equal(subject.output().filter((line) => line.includes('first value')).length, 1);
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o500);
  putSecrets({ TOKEN: 'second' });
  await subject.service.start('request');
  await subject.reaches('stopped');
  assert.equal(readFileSync(path, 'utf8'), 'second');
  await subject.service.retire();
  assert.equal(existsSync(dirname(path)), false);
});

test('Service does not start a program without its secrets, and says which', async () => {
  const subject = new Subject('exit', { secrets: ['TOKEN', 'KEY'] });
  putSecrets({ TOKEN: 'kept back' });
  await subject.service.start('request');
  await subject.reaches('failed');
  const reason = 'Cannot provide the secret KEY: the image does not have it';
  assert.equal(subject.service.status().reason, reason);
  // A file that is damaged is quoted nowhere.
  writeFileSync(sys.path(secretsFileOf('subject')), '{"secrets": kept back');
  const another = new Subject('exit', { secrets: ['TOKEN'] });
  await another.service.start('request');
  await another.reaches('failed');
  assert.equal(another.service.status().reason, reason.replace('KEY', 'TOKEN'));
});

test('Service tells a program about the first start of a boot only', async () => {
  const subject = new Subject('echo "first: $GOKRAZY_FIRST_START"');
  await subject.service.start('boot');
  await subject.reaches('stopped');
  await subject.service.start('request');
  await subject.reaches('stopped');
  assert.deepEqual(subject.output(), ['first: 1', 'first: ']);
  assert.equal(subject.service.status().startCount, 2);
});

test('Service reports a failure, and how the process ended', async () => {
  const failing = new Subject('exit 7');
  await failing.service.start('boot');
  await failing.reaches('failed');
  const { state, reason, lastExit, pid } = failing.service.status();
  assert.deepEqual({ state, reason, pid }, { state: 'failed', reason: 'exited with code 7', pid: null });
  assert.deepEqual([lastExit?.code, lastExit?.signal], [7, null]);

  const crashing = new Subject('kill -SEGV $$');
  await crashing.service.start('boot');
  await crashing.reaches('failed');
  assert.equal(crashing.service.status().reason, 'killed by SIGSEGV');
});

test('Service says why a program cannot be executed', async () => {
  const subject = new Subject('', { argv: ['/does/not/exist'] });
  await subject.service.start('boot');
  await subject.reaches('failed');
  assert.equal(subject.service.status().reason, `Cannot execute "/does/not/exist" in "/": ENOENT`);
});

test('Service backs off after a failure; a start by hand cuts that short', async () => {
  const subject = new Subject('exit 1', { restart: 'on-failure' });
  await subject.service.start('boot');
  await subject.reaches('backoff');
  const { reason, nextStartAtMs } = subject.service.status();
  assert.equal(reason, 'exited with code 1');
  assert.ok(nextStartAtMs !== null && nextStartAtMs > Date.now());
  await subject.service.start('request');
  await subject.reaches('running');
  await subject.reaches('backoff');
  assert.equal(subject.service.status().startCount, 2);
  await subject.service.stop();
  assert.equal(subject.service.state, 'stopped');
});

test('what lasts does not jump with the clock', async (t) => {
  const subject = new Subject('exit 1', { restart: 'always' });
  t.after(() => subject.service.stop());
  const before = Date.now();
  await subject.service.start('boot');
  await subject.reaches('backoff');
  const days = 5 * 24 * 3_600_000;
  const realNow = Date.now.bind(Date);
  // As a time server does that has been away.
  t.mock.method(Date, 'now', () => realNow() + days);
  const { startedAtMs, lastExit, nextStartAtMs } = subject.service.status();
  assert.ok(startedAtMs !== null && startedAtMs >= before + days - 2, 'it started before there was a test');
  assert.ok(lastExit !== null && lastExit.atMs >= startedAtMs && lastExit.atMs <= Date.now() + 2);
  assert.ok(nextStartAtMs !== null && nextStartAtMs > Date.now());
  await subject.service.stop();
});

test('Service stops a program with all of its process group', async () => {
  const subject = new Subject('sleep 100 & echo ready; sleep 100');
  await subject.service.start('boot');
  await subject.says('ready');
  const group = subject.service.status().pid ?? 0;
  await subject.service.stop();
  assert.equal(sys.groupExists(group), false);
  assert.equal(subject.service.state, 'stopped');
});

test('Service gives a program time to clean up, and its helpers too', async () => {
  const subject = new Subject(
    '(trap "sleep 0.05; echo helper done; exit" TERM; echo ready; while :; do sleep 0.01; done) & wait',
  );
  await subject.service.start('boot');
  await subject.says('ready');
  await subject.service.stop();
  assert.ok(subject.output().includes('helper done'));
});

test('Service kills what ignores SIGTERM', async () => {
  const subject = new Subject('trap "" TERM; echo ready; while :; do sleep 0.01; done', {
    stopTimeoutSec: 0.1,
  });
  await subject.service.start('boot');
  await subject.says('ready');
  await subject.service.stop();
  assert.equal(subject.service.status().lastExit?.signal, 'SIGKILL');
});

test('Service leaves nothing behind when its main process ends', async () => {
  const subject = new Subject('sleep 100 & echo ready; exit 0');
  await subject.service.start('boot');
  await subject.reaches('stopped');
  assert.deepEqual(subject.states, ['starting', 'running', 'stopped']);
});

test('Service starts again on restart even when the program exits with 0 on SIGTERM', async () => {
  const subject = new Subject('trap "exit 0" TERM; echo ready; while :; do sleep 0.01; done', {
    restart: 'on-failure',
  });
  await subject.service.start('boot');
  await subject.says('ready');
  const firstPid = subject.service.status().pid;
  await subject.service.restart();
  assert.equal(subject.service.state, 'running');
  assert.notEqual(subject.service.status().pid, firstPid);
  await subject.service.stop();
});

test('Service.stop may be called many times, at any time', async () => {
  const subject = new Subject('sleep 100', { restart: 'always' });
  await subject.service.stop();
  const starting = subject.service.start('boot');
  await Promise.all([starting, subject.service.stop(), subject.service.stop()]);
  assert.equal(subject.service.state, 'stopped');
});

test('Service survives a flood without newline and goes on reading', async () => {
  const subject = new Subject('head -c 12000000 /dev/zero | tr "\\0" x; echo; sleep 0.2; echo over');
  await subject.service.start('boot');
  await subject.reaches('stopped');
  const lines = subject.service.log.last(1000);
  assert.ok(lines.some((line) => line.stream === 'init' && line.text.startsWith('dropped ')));
  assert.ok(lines.some((line) => line.text.endsWith('[line cut]')));
});

test('Service leaves no zombie of what it started and lost', async () => {
  const subject = new Subject('(setsid sh -c "echo grandchild $$; exec sleep 0.05" &) ; sleep 0.01; exit 0');
  await subject.service.start('boot');
  await subject.reaches('stopped');
  while (sys.endedChild() !== undefined || childCount() > 0) await sleep(10);
});

function childCount(): number {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === process.pid).length;
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}
