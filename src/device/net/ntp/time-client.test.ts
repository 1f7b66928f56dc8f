// The whole client against servers on loopback; only the clock that it sets is imagined.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type NtpBehaviour, NtpServer } from '../../../../test/support/network/ntp-server.ts';
import type { NetStatus } from '../../../shared/network/net-status.ts';
import type { TimeStatus } from '../../../shared/network/time-status.ts';
import { ImaginedClock, type SlewRequest } from '../../sys/clock.ts';
import { BuildTimeFloor } from './build-time-floor.ts';
import { monotonicMs } from '../../monotonic.ts';
import { TimeClient } from './time-client.ts';
import { TimeServer } from './time-server.ts';

const BUILD_TIME_SEC = Math.floor(Date.now() / 1000) - 3600;
const YEAR_MS = 365 * 24 * 3600 * 1000;
const TIME_LIMIT_MS = 10_000;

function network(ntpServers: readonly string[] = []): NetStatus {
  const eth0 = { name: 'eth0', mac: '', carrier: true, ipv4: 'dhcp', addresses: ['10.0.2.15/24'] } as const;
  const rest = { dhcp: null, gateways: [], dns: [], search: [], problem: null };
  return {
    formatVersion: 1,
    hostname: 'garden',
    mdnsName: null,
    online: true,
    interfaces: [{ ...eth0, ...rest, ntpServers }],
  };
}

/** Remembers which leap seconds it was told of. */
class TestClock extends ImaginedClock {
  readonly leaps: string[] = [];

  override slew(request: SlewRequest): void {
    this.leaps.push(request.leap);
    super.slew(request);
  }
}

class Lab {
  readonly clock = new TestClock();
  readonly lines: string[] = [];
  steps = 0;
  readonly servers: NtpServer[] = [];
  #client: TimeClient | undefined;
  #directory = '';

  static async start(
    t: TestContext,
    behaviours: readonly NtpBehaviour[],
    namedBy: 'configuration' | 'DHCP' = 'configuration',
    buildTimeSec = BUILD_TIME_SEC,
  ): Promise<Lab> {
    const lab = new Lab();
    lab.#directory = mkdtempSync(join(tmpdir(), 'tsk-time-'));
    for (const behaviour of behaviours) lab.servers.push(await NtpServer.start(t, behaviour));
    lab.#client = new TimeClient({
      configured: namedBy === 'DHCP' ? undefined : lab.servers.map(({ name }) => name),
      clock: lab.clock,
      buildTimeSec,
      statusPath: join(lab.#directory, 'time.json'),
      onStep: () => lab.steps++,
      log: (line) => lab.lines.push(line),
    });
    t.after(() => {
      lab.#client?.stop();
      rmSync(lab.#directory, { recursive: true });
    });
    return lab;
  }

  plugIn(ntpServers?: readonly string[]): void {
    this.#client?.setNetwork(network(ntpServers));
  }

  read(): TimeStatus {
    return JSON.parse(readFileSync(join(this.#directory, 'time.json'), 'utf8')) as TimeStatus;
  }

  async status(wanted: (status: TimeStatus) => boolean): Promise<TimeStatus> {
    const endMs = monotonicMs() + TIME_LIMIT_MS;
    while (!wanted(this.read())) {
      if (monotonicMs() > endMs) throw new Error(`Not seen in time: ${JSON.stringify(this.read())}`);
      await delay(5);
    }
    return this.read();
  }

  get aheadMs(): number {
    return this.clock.nowMs() - Date.now();
  }
}

/** Roughly: on a busy computer an answer is late, and the wrong times of these tests are wrong by a minute or more. */
function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 2000, `${actual} instead of ${expected}`);
}

test('TimeClient steps the clock to what the server says, once it has a network', async (t) => {
  const lab = await Lab.start(t, [{ aheadMs: 2 * YEAR_MS }]);
  assert.equal(lab.read().synchronised, false);
  assert.equal(lab.servers[0]?.seen.length, 0);
  lab.plugIn();
  const status = await lab.status(({ synchronised }) => synchronised);
  assertNear(lab.aheadMs, 2 * YEAR_MS);
  assert.equal(status.servers[0]?.state, 'agrees');
  assert.equal(status.problem, null);
  assert.equal(lab.steps, 1, 'whoever has written down times hears of it');
  assert.match(lab.lines.join('\n'), /^time: set forwards by 2 years, as 127\.0\.0\.1:\d+ says$/);
});

test('TimeClient lets the majority outvote servers that lie by years', async (t) => {
  const lab = await Lab.start(t, [{ aheadMs: 5 * YEAR_MS }, { aheadMs: 60_000 }, { aheadMs: 60_005 }]);
  lab.plugIn();
  const status = await lab.status(({ synchronised }) => synchronised);
  assertNear(lab.aheadMs, 60_000);
  assert.deepEqual(
    status.servers.map(({ state }) => state),
    ['disagrees', 'agrees', 'agrees'],
  );
  assert.match(lab.lines.join('\n'), /is not believed: it is 5 years away from the others/);
});

test('TimeClient believes nobody when two servers contradict each other', async (t) => {
  const lab = await Lab.start(t, [{ aheadMs: 5 * YEAR_MS }, {}]);
  lab.plugIn();
  const status = await lab.status(({ problem }) => problem?.includes('contradict') === true);
  assert.equal(status.synchronised, false);
  assertNear(lab.aheadMs, 0);
});

test('TimeClient never goes below the build time, even if only that server is there', async (t) => {
  const lab = await Lab.start(t, [{ aheadMs: -2 * YEAR_MS }]);
  lab.plugIn();
  const status = await lab.status(({ servers }) => servers[0]?.state === 'unfit');
  assert.match(status.servers[0]?.problem ?? '', /before this image was built/);
  assert.equal(status.synchronised, false);
  assertNear(lab.aheadMs, 0);
});

test('TimeClient says why the only server is not believed', async (t) => {
  const lab = await Lab.start(t, [{ aheadMs: -2 * YEAR_MS }]);
  lab.plugIn();
  const status = await lab.status(({ problem }) => problem?.includes('believed') === true);
  assert.equal(status.problem, 'No time server gives an answer that can be believed');
  assert.match(
    lab.lines.join('\n'),
    /^time: 127\.0\.0\.1:\d+ is not believed: its time, \d{4}-\d\d-\d\d \d\d:\d\d UTC, is before this image was built \(\d{4}/m,
  );
});

for (const buildTimeSec of [0, 1, Date.UTC(1980, 0, 1) / 1000]) {
  test(`TimeClient takes the time with an image that says that it was built at ${buildTimeSec}`, async (t) => {
    const lab = await Lab.start(t, [{ aheadMs: 60_000 }], 'configuration', buildTimeSec);
    lab.plugIn();
    const status = await lab.status(({ synchronised }) => synchronised);
    assertNear(lab.aheadMs, 60_000);
    assert.match(status.notes?.join() ?? '', /^The image does not know when it was built: it says 19[78]0/);
  });
}

test('TimeClient believes a lone server when the build is ahead by no more than a clock of a computer is', async (t) => {
  const lab = await Lab.start(t, [{ aheadMs: -60_000 }], 'configuration', Math.floor(Date.now() / 1000));
  lab.plugIn();
  const status = await lab.status(({ synchronised }) => synchronised);
  assertNear(lab.aheadMs, -60_000);
  assert.match(status.notes?.join() ?? '', /^The image says that it was built later than it is now, at /);
});

for (const years of [2, 40, 79]) {
  test(`TimeClient lets servers that agree overrule a build time that is ${years} years ahead`, async (t) => {
    const build = Math.floor((Date.now() + years * YEAR_MS) / 1000);
    const lab = await Lab.start(
      t,
      [{ aheadMs: 0 }, { aheadMs: 3 }, { aheadMs: -YEAR_MS }],
      'configuration',
      build,
    );
    lab.clock.step(years * YEAR_MS);
    lab.plugIn();
    const status = await lab.status(({ synchronised }) => synchronised);
    assertNear(lab.aheadMs, 0);
    assert.deepEqual(
      status.servers.map(({ state }) => state),
      ['agrees', 'agrees', 'unfit'],
    );
    const text = lab.lines.join('\n');
    assert.match(text, /^time: set back by [\d.]+ years, as 127.* with 1 more says$/m);
    assert.match(text, /^time: The image says that it was built later than it is now/m);
    assert.equal(lab.steps, 1);
  });
}

test('BuildTimeFloor is overruled once', () => {
  const day = 24 * 3600 * 1000;
  const now = Date.UTC(2026, 10, 28);
  const floor = new BuildTimeFloor((now + 100 * day) / 1000);
  assert.deepEqual([floor.admits(now, 1), floor.admits(now, 2)], [false, true]);
  assert.match(floor.take(now) ?? '', /built later than it is now, at 2027-03-08 00:00 UTC/);
  assert.equal(floor.take(now + 1), null);
  assert.deepEqual([floor.admits(now, 1), floor.doubt(now)], [true, null]);
  assert.deepEqual([floor.admits(now - 2 * day, 1), floor.admits(now - 2 * day, 9)], [false, false]);
});

test('TimeClient names what two servers say that contradict each other', async (t) => {
  const lab = await Lab.start(t, [{ aheadMs: YEAR_MS }, { aheadMs: YEAR_MS }, {}, {}]);
  lab.plugIn();
  const status = await lab.status(({ problem }) => problem?.includes('contradict') === true);
  assert.equal(status.synchronised, false);
  for (const server of lab.servers)
    assert.match(lab.lines.join('\n'), new RegExp(`^time: ${server.name} says \\d{4}-\\d\\d-\\d\\d `, 'm'));
});

test('TimeServer is asked again soon when it says only that it has just started', async (t) => {
  const starting = await NtpServer.start(t, { stratum: 0, leap: 3, kissCode: 'INIT' });
  const limits = { floorMs: BUILD_TIME_SEC * 1000, ceilingMs: Date.now() + YEAR_MS };
  const server = new TimeServer(starting.name);
  const ask = (): Promise<void> => server.ask({ limits, nowMs: () => Date.now(), timeLimitMs: 1000 });
  await ask();
  assert.equal(server.status(false).state, 'unfit');
  assert.equal(server.status(false).problem, 'It does not know the time (INIT)');
  starting.behaviour = {};
  await ask();
  assert.ok(server.best(monotonicMs()));
});

test('TimeClient takes no time from servers that do not know it, and passes over forgeries', async (t) => {
  const lab = await Lab.start(t, [
    { leap: 3, aheadMs: YEAR_MS },
    { stratum: 16, aheadMs: YEAR_MS },
    { rootDispersionMs: 5000, aheadMs: YEAR_MS },
    { aheadMs: 60_000, forgeriesFirst: 20 },
  ]);
  lab.plugIn();
  const status = await lab.status(({ synchronised }) => synchronised);
  assertNear(lab.aheadMs, 60_000);
  assert.deepEqual(
    status.servers.map(({ problem }) => problem),
    ['It does not know the time', 'It does not know the time', 'Its own time is too uncertain', null],
  );
});

test('TimeServer is not asked again when it asks for that, until a pause is over', async (t) => {
  const kind = await NtpServer.start(t);
  const unkind = await NtpServer.start(t, { stratum: 0, kissCode: 'RATE' });
  const limits = { floorMs: BUILD_TIME_SEC * 1000, ceilingMs: Date.now() + YEAR_MS };
  for (const [each, expected] of [
    [kind, 2],
    [unkind, 1],
  ] as const) {
    const server = new TimeServer(each.name);
    const ask = (): Promise<void> => server.ask({ limits, nowMs: () => Date.now(), timeLimitMs: 1000 });
    await ask();
    await ask();
    assert.equal(each.seen.length, expected);
    assert.equal(server.status(false).state === 'refused', expected === 1);
  }
});

test('TimeClient sends nothing that tells the clock, and nothing twice', async (t) => {
  const lab = await Lab.start(t, [{}, {}]);
  lab.plugIn();
  await lab.status(({ synchronised }) => synchronised);
  const packets = lab.servers.map(({ seen }) => Buffer.from(seen[0] ?? []).toString('hex'));
  for (const packet of packets) assert.match(packet, /^23(00){39}[0-9a-f]{16}$/);
  assert.equal(new Set(packets).size, 2);
});

test('TimeClient tells the clock of a leap second on the day that it ends, however early it is announced', async (t) => {
  const year = new Date().getUTCFullYear() + 1;
  const insert = 1;
  for (const [month, day, expected] of [
    [5, 29, 'none'],
    [5, 30, 'insert'],
    [6, 31, 'none'],
    [11, 31, 'insert'],
  ] as const) {
    const lab = await Lab.start(t, [{ leap: insert, aheadMs: Date.UTC(year, month, day, 12) - Date.now() }]);
    lab.plugIn();
    await lab.status(({ synchronised }) => synchronised);
    assert.equal(lab.clock.leaps[0], expected, lab.lines.join());
  }
});

test('TimeClient asks whom DHCP names, and the pool beside them while they are few', async (t) => {
  const lab = await Lab.start(t, [{ aheadMs: 60_000 }, { aheadMs: 60_000 }, { aheadMs: 60_000 }], 'DHCP');
  const names = lab.servers.map(({ name }) => name);
  lab.plugIn(names);
  const status = await lab.status(({ synchronised }) => synchronised);
  assertNear(lab.aheadMs, 60_000);
  assert.deepEqual(
    status.servers.map(({ name }) => name),
    names,
  );
  lab.plugIn(names.slice(1));
  lab.plugIn([]);
  const withPool = await lab.status(({ servers }) => servers.length !== 3);
  assert.ok(withPool.servers.every(({ name }) => name.endsWith('pool.ntp.org')));
});

test('TimeClient without servers says so and sends nothing', async (t) => {
  const lab = await Lab.start(t, []);
  lab.plugIn();
  assert.equal(lab.read().problem, 'No time servers are configured');
});
