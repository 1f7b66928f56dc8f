import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogLine } from '../../shared/services/services.ts';
import { formatLogLine } from './log-text.ts';

function line(text: string, stream: LogLine['stream'] = 'stdout'): LogLine {
  return { seq: 0, timeMs: 0, stream, text };
}

test('formatLogLine marks the streams and leaves colours out where there are none', () => {
  const red = String.raw`\x1b[31mred\x1b[0m`;
  assert.match(formatLogLine(line(red), false), /^\d{4}-\S+ \S+ {3}red$/);
  assert.match(formatLogLine(line('x', 'stderr'), false), / ! x$/);
  assert.match(formatLogLine(line('x', 'init'), false), / \* x$/);
});

test('formatLogLine makes colours real again, ends them, and nothing else', () => {
  const hostile = String.raw`\x1b[31mred \x1b]0;title\x07 \x1b[2J`;
  const text = formatLogLine(line(hostile), true);
  assert.ok(text.endsWith(`\u001b[31mred ${String.raw`\x1b]0;title\x07 \x1b[2J`}\u001b[39m`));
});

test('formatLogLine conceals nothing, and shows what reorders', () => {
  const hostile = String.raw`\x1b[8mhidden\x1b[28m \x1b[30;40mblack ` + 'user\u202Egpj.exe';
  const shown = String.raw`hidden black user\u202egpj.exe`;
  for (const isColored of [false, true])
    assert.ok(formatLogLine(line(hostile), isColored).endsWith(` ${shown}`));
});
