// A log line as it is kept on disk: text that a person can read, too.
//   2026-03-01T14:30:05.123Z ! could not open the valve
// Time, a mark of the stream (blank: standard output), the line. Numbers of lines are not kept.

import type { LogLine, LogStream } from '../../../shared/services/services.ts';

const MARKS: Readonly<Record<LogStream, string>> = { stdout: ' ', stderr: '!', init: '*' };
const STREAMS: Readonly<Record<string, LogStream>> = { ' ': 'stdout', '!': 'stderr', '*': 'init' };
/** What stands before the text. */
export const KEPT_LINE_OVERHEAD_BYTES = 28;

export type KeptLine = Omit<LogLine, 'seq'>;

/** A text with line breaks (a stack of init's) makes as many lines. */
export function encodeKeptLine({ timeMs, stream, text }: KeptLine): string {
  const head = `${new Date(timeMs).toISOString()} ${MARKS[stream]} `;
  return text.includes('\n')
    ? text
        .split('\n')
        .map((line) => `${head}${line}\n`)
        .join('')
    : `${head}${text}\n`;
}

/** undefined: half a line, as a power cut or a full disk leaves it, or no line of ours. */
export function decodeKeptLine(line: string): KeptLine | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([ !*]) (.*)$/s.exec(line);
  const stream = STREAMS[match?.[2] ?? ''];
  const timeMs = Date.parse(match?.[1] ?? '');
  if (stream === undefined || Number.isNaN(timeMs)) return undefined;
  return { timeMs, stream, text: match?.[3] ?? '' };
}

/** Decodes a whole file; its last line only counts when the end of that line has been written. */
export function decodeKeptLines(text: string): KeptLine[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map(decodeKeptLine).filter((line) => line !== undefined);
}
