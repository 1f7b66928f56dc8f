// A break-glass session as init keeps it, up to the moment when sshd is there: what it mounts, and all the ways in which it
// ends. With processes it is in test/tools/breakglass.test.ts.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Breakglass } from '../../src/device/init/breakglass/breakglass.ts';
import { Supervisor } from '../../src/device/init/supervisor/supervisor.ts';
import { INIT_API } from '../../src/shared/api/init-api.ts';
import {
  BREAKGLASS_INIT_API,
  BREAKGLASS_PATHS,
  IDLE_LIMIT_SEC,
  type OpenBreakglass,
} from '../../src/shared/breakglass/breakglass-api.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';
import { TrialDevice } from '../support/init/trial-device.ts';

const FACTS: OpenBreakglass = {
  id: '1'.repeat(32),
  keyId: '0123456789abcdef',
  who: 'me@laptop',
  from: '192.168.1.7',
  toolboxSha256: '2'.repeat(64),
  lifetimeSec: 3600,
  staysOpen: false,
  listen: false,
};

class Subject {
  readonly sys = new RecordingSys();
  readonly said: string[] = [];
  readonly breakglass: Breakglass;

  constructor(t: TestContext) {
    t.after(() => this.sys[Symbol.dispose]());
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const say = (text: string): void => void this.said.push(text);
    const { sys } = this;
    const supervisor = new Supervisor({ sys, services: [], say, isPermReady: () => true });
    this.breakglass = new Breakglass({
      sys,
      supervisor,
      perm: { state: 'mounted' },
      log: { say },
      warn: say,
    });
  }

  /** Until the session that is ending is gone. */
  async ends(): Promise<string[]> {
    await this.breakglass.end('nothing else has ended it');
    assert.ok(!this.said.includes('break-glass: ends: nothing else has ended it'));
    return this.said;
  }
}

test('room for the toolbox is in memory, bounded, and gone with the session', async (t) => {
  const { sys, breakglass, said } = new Subject(t);
  breakglass.open(FACTS);
  const mount = sys.log.find((line) => line.includes(BREAKGLASS_PATHS.memory));
  assert.match(mount ?? '', /tmpfs.*nosuid.*size=\d+,nr_inodes=\d+/);
  const memory = sys.path(BREAKGLASS_PATHS.memory);
  assert.deepEqual(readdirSync(memory).toSorted(), ['lower', 'upper', 'work']);
  writeFileSync(`${memory}/lower/tool`, 'x');
  await breakglass.close('closed from 192.168.1.7', false);
  assert.ok(!existsSync(sys.path('/run/tsk/breakglass')));
  assert.deepEqual(said, [
    'break-glass: opened by me@laptop from 192.168.1.7 with key 0123456789abcdef, for 1 h, toolbox 222222222222',
    'break-glass: ends: closed from 192.168.1.7',
    'break-glass: closed',
  ]);
});

test('a session ends after its time, and after ten minutes in which nobody uses it', async (t) => {
  const timed = new Subject(t);
  timed.breakglass.open({ ...FACTS, lifetimeSec: 60 });
  t.mock.timers.tick(59_999);
  assert.notEqual(timed.breakglass.session(), null);
  t.mock.timers.tick(1);
  assert.ok((await timed.ends()).includes('break-glass: ends: its time is over'));
  timed.breakglass.open(FACTS);
  t.mock.timers.tick(IDLE_LIMIT_SEC * 1000);
  assert.ok((await timed.ends()).includes('break-glass: ends: nobody has used it for 10 min'));
  timed.breakglass.open({ ...FACTS, staysOpen: true });
  t.mock.timers.tick(IDLE_LIMIT_SEC * 1000);
  assert.notEqual(timed.breakglass.session(), null);
  t.mock.timers.tick(FACTS.lifetimeSec * 1000);
  await timed.ends();
});

test('a session lasts as long whatever the clock is set to', (t) => {
  const { breakglass } = new Subject(t);
  breakglass.open({ ...FACTS, lifetimeSec: 60, staysOpen: true });
  const real = Date.now();
  for (const years of [-30, 30]) {
    const now = t.mock.method(Date, 'now', () => real + years * 365 * 86_400_000);
    t.mock.timers.tick(20_000);
    const session = breakglass.session();
    assert.ok(session);
    assert.equal(Math.round((session.endsAtMs - session.openedAtMs) / 1000), 60);
    assert.ok(Math.abs(session.openedAtMs - Date.now()) < 60_000);
    now.mock.restore();
  }
});

test('a restart ends it before anything else, and what was kept of it is gone with the next start', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.boot('a');
  const { status } = await device.ask('POST', BREAKGLASS_INIT_API.open, FACTS);
  assert.equal(status, 200);
  const kept = sys.path(`${BREAKGLASS_PATHS.kept}/${FACTS.toolboxSha256}`);
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, 'packed');
  const before = sys.log.length;
  await device.ask('POST', INIT_API.reboot);
  assert.equal(await device.down(), 'power restart');
  const [first] = sys.log.slice(before);
  assert.match(first ?? '', new RegExp(`${BREAKGLASS_PATHS.memory}$`));
  assert.ok(existsSync(kept));
  await device.boot('a');
  assert.ok(!existsSync(kept));
});

test('there is one at a time; it goes with the last of those who have joined it', async (t) => {
  const { breakglass } = new Subject(t);
  breakglass.open(FACTS);
  assert.throws(() => breakglass.open({ ...FACTS, id: '3'.repeat(32) }), {
    code: 'breakglass-busy',
    message: 'me@laptop has opened a session from 192.168.1.7',
  });
  breakglass.join({ ...FACTS, who: 'you@desk', lifetimeSec: 7200 });
  await breakglass.close('left', true);
  assert.notEqual(breakglass.session(), null);
  assert.throws(() => breakglass.announce(FACTS.id, 'x'), { code: 'breakglass-ended' });
  await breakglass.close('left', true);
  assert.equal(breakglass.session(), null);
  assert.throws(() => breakglass.join(FACTS), { code: 'breakglass-ended' });
});

test('without cgroups there is no session: nothing would end it', async (t) => {
  const { breakglass } = new Subject(t);
  breakglass.open(FACTS);
  t.mock.timers.reset();
  await assert.rejects(breakglass.start(FACTS.id), /^Error: Cannot start the session: /);
  assert.equal(breakglass.session(), null);
});

test('with "breakglass": "off" init opens neither sessions nor inspectors, whatever web asks for', async (t) => {
  for (const config of [{ breakglass: 'off' }, {}] as const) {
    const sys = new RecordingSys();
    t.after(() => sys[Symbol.dispose]());
    const device = new TrialDevice(sys);
    device.config = config;
    await device.boot('a');
    const codes = [];
    for (const [path, body] of [
      [BREAKGLASS_INIT_API.open, FACTS],
      [INIT_API.inspect('pump'), { who: 'me@laptop' }],
    ] as const) {
      const { body: answer } = await device.ask('POST', path, body);
      codes.push((answer as { code?: string }).code);
    }
    assert.deepEqual(
      codes,
      'breakglass' in config ? ['no-permits', 'no-permits'] : [undefined, 'no-such-service'],
    );
  }
});
