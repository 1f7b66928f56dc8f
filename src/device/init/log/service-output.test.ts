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
  const output = new ServiceOutput(log);
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

test('ServiceOutput takes ten thousand lines a second for as long as they come', () => {
  const log = new LogRing();
  let nowMs = 0;
  const output = new ServiceOutput(log, () => nowMs);
  const lines = Buffer.from('what a program says\n'.repeat(1000));
  for (let tenth = 0; tenth < 300; tenth++) {
    nowMs += 100;
    output.write('stderr', lines, untiring);
  }
  output.end();
  assert.equal(log.last(1)[0]?.seq, 299_999);
});
