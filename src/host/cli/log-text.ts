// A log line as `tsk logs` prints it. Controls come from the device as text (`\x1b`), which cannot harm a
// terminal; only colours are made real again.

import { styleText } from 'node:util';
import type { LogLine } from '../../shared/services/services.ts';
import { formatTime } from './times.ts';

/** SGR sequences (ECMA-48, 8.3.117). */
const COLOR = /\\x1b\[([0-9;]*)m/g;
const RESET = '\u001b[0m';

export function plainText(text: string): string {
  return text.replace(COLOR, '');
}

/** `stderr` is marked with `!`, what init says of the service with `*`: as in a log downloaded from the page. */
export function formatLogLine(line: LogLine, isColored: boolean): string {
  const time = formatTime(line.timeMs);
  const mark = line.stream === 'stdout' ? ' ' : line.stream === 'stderr' ? '!' : '*';
  if (!isColored) return `${time} ${mark} ${plainText(line.text)}`;
  const style = { validateStream: false } as const;
  const head = `${styleText('dim', time, style)} ${styleText(line.stream === 'init' ? 'cyan' : 'yellow', mark, style)}`;
  if (line.stream === 'init') return `${head} ${styleText('cyan', plainText(line.text), style)}`;
  const hasColor = line.text.includes('\\x1b[');
  const text = line.text.replace(COLOR, '\u001b[$1m');
  return `${head} ${text}${hasColor ? RESET : ''}`;
}
