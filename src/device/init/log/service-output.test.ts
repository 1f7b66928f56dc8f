import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogRing } from './log-ring.ts';
import { ServiceOutput } from './service-output.ts';

const untiring = { rest: () => {} };

test('ServiceOutput keeps the streams apart', () => {
  const log = new LogRing();
  const output = new ServiceOutput(log);
  output.write('stdout', Buffer.from('out '), untiring);
  output.write('stderr', Buffer.from('error\n'), untiring);
  output.write('stdout', Buffer.from('put\n'), untiring);
  output.end();
  assert.deepEqual(
    log.last(9).map((line) => `${line.stream}: ${line.text}`),
    ['stderr: error', 'stdout: out put'],
  );
});

test('ServiceOutput shows a prompt that waits for an answer', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const log = new LogRing();
  const output = new ServiceOutput(log, () => 0);
  output.write('stdout', Buffer.from('Listening> '), untiring);
  t.mock.timers.tick(1000);
  assert.equal(log.last(1)[0]?.text, 'Listening> ');
});

test('ServiceOutput drops a flood, says how much and lets its source rest', () => {
  const log = new LogRing();
  const output = new ServiceOutput(log, () => 0);
  const rests: number[] = [];
  const source = { rest: (forMs: number) => void rests.push(forMs) };
  const chunk = Buffer.from(`${'x'.repeat(64 * 1024 - 1)}\n`);
  for (let i = 0; i < 100 * 16; i++) output.write('stdout', chunk, source);
  output.end();
  const lines = log.last(1000);
  assert.ok(rests.length >= 90 && rests.length <= 96, `${rests.length} rests`);
  assert.match(lines.at(-1)?.text ?? '', /^dropped 96\.\d MiB of output: it came too fast$/);
  assert.equal(lines.at(-1)?.stream, 'init');
});

test('ServiceOutput takes a thousand lines a second for as long as they come, and ten thousand at once', () => {
  const log = new LogRing();
  let nowMs = 0;
  const output = new ServiceOutput(log, () => nowMs);
  output.write('stderr', Buffer.from('at once\n'.repeat(10_000)), untiring);
  const lines = Buffer.from('what a program says\n'.repeat(100));
  for (let tenth = 0; tenth < 300; tenth++) {
    nowMs += 100;
    output.write('stderr', lines, untiring);
  }
  output.end();
  assert.equal(log.last(1)[0]?.seq, 39_999);
});

test('ServiceOutput charges lines, however short: newlines alone are dropped unread, and their source rests', () => {
  const log = new LogRing();
  let nowMs = 0;
  const output = new ServiceOutput(log, () => nowMs);
  let rests = 0;
  const source = { rest: () => void rests++ };
  for (const end of ['\n', '\r']) {
    const newlines = Buffer.alloc(64 * 1024, end);
    // Ten seconds, in which the pipe is full whenever it is read.
    for (let piece = 0; piece < 200; piece++) {
      nowMs += 50;
      output.write('stdout', newlines, source);
    }
  }
  output.end();
  assert.equal(rests, 400);
  const { seq = 0, text = '' } = log.last(1)[0] ?? {};
  assert.ok(seq <= 30_000, `${seq} lines`);
  assert.match(text, /^dropped 25\.0 MiB of output: it came too fast$|^dropped 24\.\d MiB/);
  // What says something again is heard.
  nowMs += 1000;
  output.write('stdout', Buffer.from('back\n'), untiring);
  assert.equal(log.last(1)[0]?.text, 'back');
});
