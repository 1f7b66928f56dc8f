// A log line as `tsk logs` prints it: only colours of its own are made real again, in the way of this program.

import { styleText } from 'node:util';
import type { LogLine } from '../../shared/services/services.ts';
import { parseStyledText, plainText, type StyledSpan } from '../../shared/text/styled-text.ts';
import { formatTime } from './times.ts';

/** `stderr` is marked with `!`, what init says of the service with `*`: as in a log downloaded from the page. */
export function formatLogLine(line: LogLine, isColored: boolean): string {
  const time = formatTime(line.timeMs);
  const mark = line.stream === 'stdout' ? ' ' : line.stream === 'stderr' ? '!' : '*';
  if (!isColored) return `${time} ${mark} ${plainText(line.text)}`;
  const style = { validateStream: false } as const;
  const head = `${styleText('dim', time, style)} ${styleText(line.stream === 'init' ? 'cyan' : 'yellow', mark, style)}`;
  if (line.stream === 'init') return `${head} ${styleText('cyan', plainText(line.text), style)}`;
  return `${head} ${formatStyled(line.text, isColored)}`;
}

/** One line of an app's. */
export function formatStyled(text: string, isColored: boolean): string {
  return isColored ? parseStyledText(text).map(paintSpan).join('') : plainText(text);
}

function paintSpan({ text, color, isBold, isDim }: StyledSpan): string {
  const styles = [color, isBold && ('bold' as const), isDim && ('dim' as const)].filter(
    (each) => each !== undefined && each !== false,
  );
  return styles.length === 0 ? text : styleText(styles, text, { validateStream: false });
}
