import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { Sessions } from './sessions.ts';

const HOUR_MS = 3_600_000;

suite('Sessions', () => {
  test('knows its tokens and no others', () => {
    const sessions = new Sessions();
    const { token } = sessions.create();
    assert.ok(sessions.use(token));
    assert.ok(!sessions.use(`${token}x`));
    assert.ok(!sessions.use(''));
    sessions.end(token);
    assert.ok(!sessions.use(token));
  });

  test('ends a session that is not used for a day, and every one after a month', () => {
    let now = 0;
    const sessions = new Sessions({ now: () => now });
    const { token } = sessions.create();
    const { token: idle } = sessions.create();
    for (let hours = 0; hours < 30 * 24; hours += 20) {
      assert.ok(sessions.use(token), `after ${hours} h`);
      now += 20 * HOUR_MS;
    }
    assert.ok(!sessions.use(idle));
    assert.ok(!sessions.use(token));
    assert.equal(sessions.size, 0);
  });

  test('makes room by ending the one that was not used for longest', () => {
    const sessions = new Sessions();
    const tokens = Array.from({ length: 64 }, () => sessions.create().token);
    assert.ok(sessions.use(tokens[0] ?? ''));
    sessions.create();
    assert.equal(sessions.size, 64);
    assert.ok(sessions.use(tokens[0] ?? ''));
    assert.ok(!sessions.use(tokens[1] ?? ''));
  });
});
