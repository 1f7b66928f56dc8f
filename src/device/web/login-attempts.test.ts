import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { LoginAttempts } from './login-attempts.ts';

function attempts(known = new Set<string>()) {
  const clock = { ms: 1_000_000 };
  const tries = new LoginAttempts(known, { now: () => clock.ms });
  return {
    clock,
    attempts: tries,
    begin: (address: string) => tries.begin({ address, isDevice: false }),
    succeed: (address: string) => {
      tries.succeed({ address, isDevice: false });
    },
    beginHere: (address: string) => tries.begin({ address, isDevice: true }),
  };
}

/** One in each network. */
function inNetwork(count: number): string {
  return `2001:db8:${(count >> 16).toString(16)}:${(count & 0xffff).toString(16)}::1`;
}

suite('LoginAttempts', () => {
  test('lets the first tries pass and then makes each wait longer, up to a minute', () => {
    const { clock, begin } = attempts();
    const waits: number[] = [];
    for (let count = 0; count < 14; count++) {
      const wait = begin('192.0.2.1');
      if (wait > 0) {
        waits.push(wait);
        clock.ms += wait;
        assert.equal(begin('192.0.2.1'), 0, 'after the wait there is a try');
      }
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('does not lengthen the wait of who keeps trying', () => {
    const { clock, begin } = attempts();
    while (begin('192.0.2.1') === 0);
    for (let count = 0; count < 1000; count++) begin('192.0.2.1');
    clock.ms += 1000;
    assert.equal(begin('192.0.2.1'), 0);
  });

  test('forgets after a success, and after a while', () => {
    const { clock, begin, succeed } = attempts();
    for (let count = 0; count < 4; count++) begin('192.0.2.1');
    succeed('192.0.2.1');
    for (let count = 0; count < 5; count++) assert.equal(begin('192.0.2.1'), 0);
    assert.ok(begin('192.0.2.1') > 0);
    clock.ms += 16 * 60_000;
    for (let count = 0; count < 5; count++) assert.equal(begin('192.0.2.1'), 0);
  });

  for (const [kind, addressOf] of [
    ['an IPv4 /24', (count: number) => `192.0.2.${count === 9999 ? 250 : 1 + (count % 200)}`],
    ['an IPv6 /64', (count: number) => `2001:db8::${(count + 1).toString(16)}`],
  ] as const)
    test(`bounds ${kind} whatever address a guess comes from, but not for who knew the password`, () => {
      const { clock, begin, succeed } = attempts();
      begin(addressOf(9999));
      succeed(addressOf(9999));
      let tried = 0;
      for (let second = 0; second < 600; second++, clock.ms += 1000)
        for (let count = 0; count < 5; count++) if (begin(addressOf(second * 5 + count)) === 0) tried++;
      // Twenty at first, then at the latest one in 16 s.
      assert.ok(tried > 30 && tried < 70, `${tried} guesses in ten minutes`);
      assert.ok(begin(addressOf(1)) > 0);
      assert.equal(begin(addressOf(9999)), 0);
      assert.equal(begin('198.51.100.1'), 0, 'another network');
    });

  test('lets in who knew the password before a restart, beside a neighbour who never pauses', () => {
    const known = new Set<string>();
    const before = attempts(known);
    before.begin('192.0.2.250');
    before.succeed('192.0.2.250');
    const after = attempts(known);
    for (let count = 0; count < 100; count++) after.begin(`192.0.2.${count}`);
    for (let count = 0; count < 5000; count++) after.begin(inNetwork(count));
    assert.ok(after.begin('192.0.2.249') > 0);
    assert.equal(after.begin('192.0.2.250'), 0);
  });

  test('takes all addresses of the device for one, which costs nobody else a wait', () => {
    const { clock, begin, beginHere } = attempts();
    const waits: number[] = [];
    let tried = 0;
    for (let count = 0; count < 100_000; count++) {
      const wait = beginHere(`127.${count >> 16}.${(count >> 8) & 255}.${count & 255}`);
      if (wait === 0) tried++;
      else waits.push(wait);
    }
    assert.equal(tried, 5);
    assert.ok(beginHere('::1') > 0 && beginHere('192.0.2.37') > 0);
    assert.equal(begin('192.0.2.38'), 0, 'a neighbour in the network of the device');
    for (let minute = 0; minute < 60; minute++, clock.ms += 60_000) if (beginHere('127.0.0.1') === 0) tried++;
    assert.ok(tried <= 65, `${tried} guesses in an hour`);
    for (let count = 0; count < 60; count++) assert.equal(begin(inNetwork(count)), 0, 'of the budget of all');
  });

  test('bounds all addresses together, but not those that knew the password', () => {
    const { clock, begin, succeed } = attempts();
    begin('192.0.2.1');
    succeed('192.0.2.1');
    let refused = 0;
    for (let count = 0; count < 5000; count++) if (begin(inNetwork(count)) > 0) refused++;
    assert.equal(refused, 5000 - 60);
    assert.equal(begin('192.0.2.1'), 0);
    assert.ok(begin('192.0.2.7') > 0);
    clock.ms += 1000;
    assert.equal(begin('192.0.2.7'), 0, 'a second earns one try');
  });

  test('keeps a bounded number of addresses and networks', () => {
    const { clock, attempts: tries, begin } = attempts();
    for (let count = 0; count < 3000; count++) {
      clock.ms += 1000;
      begin(inNetwork(count));
    }
    assert.equal(tries.originCount, 1024);
  });
});
