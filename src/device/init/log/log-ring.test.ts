import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogRing } from './log-ring.ts';

test('LogRing keeps the last 1000 lines, in order, with gapless numbers', () => {
  const ring = new LogRing();
  for (let i = 0; i < 5321; i++) ring.append('stdout', `line ${i}`);
  const lines = ring.last(10_000);
  assert.equal(lines.length, 1000);
  assert.deepEqual(
    lines.map((line) => line.seq),
    Array.from({ length: 1000 }, (_, i) => 4321 + i),
  );
  assert.equal(lines.at(-1)?.text, 'line 5320');
});

test('LogRing keeps no more than 256 KiB of text', () => {
  const ring = new LogRing();
  for (let i = 0; i < 100; i++) ring.append('stderr', 'x'.repeat(8192));
  assert.equal(ring.last(1000).length, 32);
});

test('LogRing.last gives fewer lines than asked when there are fewer', () => {
  const ring = new LogRing();
  assert.deepEqual(ring.last(10), []);
  ring.append('init', 'one');
  ring.append('init', 'two');
  assert.deepEqual(
    ring.last(1).map((line) => line.text),
    ['two'],
  );
  assert.deepEqual(ring.last(0), []);
});

test('LogRing.follow reports new lines until it is ended', () => {
  const ring = new LogRing();
  ring.append('stdout', 'before');
  const seen: string[] = [];
  const end = ring.follow((line) => seen.push(line.text));
  ring.append('stdout', 'during');
  end();
  ring.append('stdout', 'after');
  assert.deepEqual(seen, ['during']);
});
