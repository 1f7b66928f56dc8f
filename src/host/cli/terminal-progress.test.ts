import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { TerminalProgress } from './terminal-progress.ts';

class RecordingStream {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 30;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

test('TerminalProgress: plain lines into a pipe', () => {
  const stream = new RecordingStream(false);
  const progress = new TerminalProgress({ stream, quiet: false });
  const download = progress.start('Downloading kernel', 29_000_000);
  const build = progress.start('Bundling app');
  download.advance(29_000_000);
  build.done();
  download.done('verified');
  progress.close();
  assert.equal(stream.text, 'Downloading kernel (29.0 MB)\nBundling app\nDownloading kernel: verified\n');
});

test('TerminalProgress: silent when quiet', () => {
  const stream = new RecordingStream(true);
  const progress = new TerminalProgress({ stream, quiet: true });
  progress.start('x').done('y');
  progress.close();
  assert.equal(stream.text, '');
});

test('TerminalProgress: on a terminal running steps are redrawn, finished ones stay', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const stream = new RecordingStream(true);
  const progress = new TerminalProgress({ stream, quiet: false });
  const one = progress.start('one', 1000);
  const two = progress.start('two');
  one.advance(250);
  t.mock.timers.tick(100);
  assert.match(stripVTControlCharacters(stream.text), /^. one {2}250 B of 1\.00 kB {2}25%\n. two\n$/);
  stream.text = '';
  one.done('good');
  // Two lines up, cleared; the finished line, then the one that still runs.
  assert.ok(stream.text.startsWith('\x1b[2A\r\x1b[J'), JSON.stringify(stream.text));
  assert.match(stripVTControlCharacters(stream.text), /✓ one: good\n. two\n$/);
  two.done();
  stream.text = '';
  t.mock.timers.tick(1000);
  assert.equal(stream.text, '');
});

test('TerminalProgress: what did not come to its end is marked when the display closes', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const stream = new RecordingStream(true);
  const progress = new TerminalProgress({ stream, quiet: false });
  const step = progress.start('half');
  progress.close();
  assert.match(stripVTControlCharacters(stream.text), /✗ half\n$/);
  step.done();
  assert.match(stripVTControlCharacters(stream.text), /✗ half\n$/);
});

test('TerminalProgress: a line is cut to the width of the terminal', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const stream = new RecordingStream(true);
  const progress = new TerminalProgress({ stream, quiet: false });
  progress.start('x'.repeat(50)).done();
  for (const line of stripVTControlCharacters(stream.text).split('\n')) assert.ok(line.length < 30, line);
});
