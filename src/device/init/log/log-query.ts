// Which lines of a log somebody wants: of now or of an earlier boot, from a time on, so many at most. The
// lines of this boot come from memory, and what is no longer there from the copy in /perm.

import type { LogLine } from '../../../shared/services/services.ts';
import type { KeptLine } from './kept-line.ts';

export interface LineRange {
  lines: number;
  /** Unix time in ms. */
  since: number;
}

export interface KeptLines {
  /** undefined: there is no such boot. */
  lines(boot: number, log: string): Promise<KeptLine[] | undefined>;
}

export function selectLines(lines: readonly LogLine[], { lines: count, since }: LineRange): LogLine[] {
  const wanted = since === 0 ? lines : lines.filter(({ timeMs }) => timeMs >= since);
  return wanted.slice(Math.max(0, wanted.length - count));
}

/** Numbers are not kept: lines of an earlier boot are counted anew. */
export function numberLines(lines: readonly KeptLine[]): LogLine[] {
  return lines.map((line, seq) => ({ seq, ...line }));
}

/**
 * What the copy has from before `inMemory`, and then that. The two meet at the first line in memory, which the
 * copy may have, or not yet. Numbers of lines that are only in the copy are guessed: those before the first.
 */
export function joinWithKept(kept: readonly KeptLine[], inMemory: readonly LogLine[]): LogLine[] {
  const [first] = inMemory;
  if (first === undefined || first.seq === 0) return [...inMemory];
  const meeting = kept.findLastIndex(
    ({ timeMs, stream, text }) => timeMs === first.timeMs && stream === first.stream && text === first.text,
  );
  const before = meeting < 0 ? kept.filter(({ timeMs }) => timeMs < first.timeMs) : kept.slice(0, meeting);
  const older = before.slice(Math.max(0, before.length - first.seq));
  return [...older.map((line, index) => ({ seq: first.seq - older.length + index, ...line })), ...inMemory];
}
