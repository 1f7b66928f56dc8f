import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { Turns } from './turns.ts';

const LONG_MS = 60_000;

test('Turns: one at a time, in order', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const act = async (name: string): Promise<void> => {
    using _turn = await turns.take(LONG_MS);
    seen.push(`${name} begins`);
    await turn();
    seen.push(`${name} ends`);
  };
  await Promise.all([act('first'), act('second'), act('third')]);
  const expected = ['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]);
  assert.deepEqual(seen, expected);
});

test('Turns: who has waited too long is sent away, and holds up nobody', async () => {
  const turns = new Turns();
  const first = await turns.take(LONG_MS);
  await assert.rejects(turns.take(1), { status: 503 });
  const third = turns.take(LONG_MS);
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
});
