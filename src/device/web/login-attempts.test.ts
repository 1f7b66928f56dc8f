import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { LoginAttempts } from './login-attempts.ts';

function attempts() {
  const clock = { ms: 1_000_000 };
  return { clock, attempts: new LoginAttempts({ now: () => clock.ms }) };
}

suite('LoginAttempts', () => {
  test('lets the first tries pass and then makes each wait longer, up to a minute', () => {
    const { clock, attempts: tries } = attempts();
    const waits: number[] = [];
    for (let count = 0; count < 14; count++) {
      const wait = tries.begin('192.0.2.1');
      if (wait > 0) {
        waits.push(wait);
        clock.ms += wait;
        assert.equal(tries.begin('192.0.2.1'), 0, 'after the wait there is a try');
      }
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('does not lengthen the wait of who keeps trying', () => {
    const { clock, attempts: tries } = attempts();
    while (tries.begin('192.0.2.1') === 0);
    for (let count = 0; count < 1000; count++) tries.begin('192.0.2.1');
    clock.ms += 1000;
    assert.equal(tries.begin('192.0.2.1'), 0);
  });

  test('forgets after a success, and after a while', () => {
    const { clock, attempts: tries } = attempts();
    for (let count = 0; count < 4; count++) tries.begin('192.0.2.1');
    tries.succeed('192.0.2.1');
    for (let count = 0; count < 5; count++) assert.equal(tries.begin('192.0.2.1'), 0);
    assert.ok(tries.begin('192.0.2.1') > 0);
    clock.ms += 16 * 60_000;
    for (let count = 0; count < 5; count++) assert.equal(tries.begin('192.0.2.1'), 0);
  });

  test('bounds all addresses together, but not those that knew the password', () => {
    const { clock, attempts: tries } = attempts();
    tries.begin('192.0.2.1');
    tries.succeed('192.0.2.1');
    let refused = 0;
    for (let count = 0; count < 5000; count++) if (tries.begin(`2001:db8::${count}`) > 0) refused++;
    assert.equal(refused, 5000 - 60);
    assert.equal(tries.begin('192.0.2.1'), 0);
    assert.ok(tries.begin('192.0.2.7') > 0);
    clock.ms += 1000;
    assert.equal(tries.begin('192.0.2.7'), 0, 'a second earns one try');
  });

  test('keeps a bounded number of addresses', () => {
    const { clock, attempts: tries } = attempts();
    for (let count = 0; count < 3000; count++) {
      clock.ms += 1000;
      tries.begin(`2001:db8::${count}`);
    }
    assert.equal(tries.addressCount, 1024);
  });
});
