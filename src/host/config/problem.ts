// A mistake in a file that someone wrote: where it is, what it is, and the line with a caret below it.

import { relative, resolve } from 'node:path';
import { UserError } from '../user-error.ts';

export interface Problem {
  /** 0-based, into the file's text. */
  offset: number;
  length: number;
  message: string;
}

export interface PlacedProblem {
  file: string;
  /** Number of the line, from 1. */
  line: number;
  /** Number of the character, from 1. */
  column: number;
  message: string;
}

/** All mistakes of one file, listed together. */
export class ConfigError extends UserError {
  override name = 'ConfigError';
  readonly problems: readonly PlacedProblem[];

  constructor(path: string, text: string, problems: readonly Problem[]) {
    const file = displayPath(path);
    const sorted = problems.toSorted((a, b) => a.offset - b.offset);
    const count = sorted.length === 1 ? 'a mistake' : `${sorted.length} mistakes`;
    const blocks = sorted.map((problem) => formatProblem(file, text, problem));
    super(`Cannot use "${file}": it has ${count}\n\n${blocks.join('\n\n')}`);
    this.problems = sorted.map((problem) => ({
      file,
      ...locate(text, problem.offset),
      message: problem.message,
    }));
  }
}

/** The shorter of the absolute path and the one relative to the current directory. */
export function displayPath(path: string): string {
  const absolute = resolve(path);
  const fromHere = relative('', absolute);
  return fromHere !== '' && fromHere.length < absolute.length ? fromHere : absolute;
}

function locate(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: before.length, column: Array.from(before.at(-1) ?? '').length + 1 };
}

const MAX_LINE_CHARACTERS = 100;

function formatProblem(file: string, text: string, problem: Problem): string {
  const { line, column } = locate(text, problem.offset);
  const sourceLine = Array.from(text.split(/\r\n|\n|\r/)[line - 1] ?? '');
  // A long line (minified JSON) is shown around the mistake.
  const from = column > MAX_LINE_CHARACTERS ? column - MAX_LINE_CHARACTERS / 2 : 0;
  const shown = sourceLine.slice(from, from + MAX_LINE_CHARACTERS);
  const indent = shown
    .slice(0, column - 1 - from)
    .map((character) => (character === '\t' ? '\t' : ' '))
    .join('');
  const caretCount = Math.max(1, Math.min(problem.length, shown.length - (column - 1 - from)));
  return [
    `${file}:${line}:${column}: ${problem.message}`,
    `    ${shown.join('')}`,
    `    ${indent}${'^'.repeat(caretCount)}`,
  ].join('\n');
}
