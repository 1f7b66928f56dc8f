// How a verb speaks: results on standard output, progress on standard error; with --json nothing but one
// JSON document on standard output.

import { styleText } from 'node:util';
import { visibleLines } from '../../shared/text/visible-text.ts';
import { TerminalProgress } from './terminal-progress.ts';

export interface OutputOptions {
  json: boolean;
  quiet: boolean;
}

export class Output {
  readonly json: boolean;
  readonly #quiet: boolean;
  readonly progress: TerminalProgress;

  constructor(options: OutputOptions) {
    this.json = options.json;
    this.#quiet = options.quiet || options.json;
    this.progress = new TerminalProgress({ stream: process.stderr, quiet: this.#quiet });
  }

  /** Something good to know; not with --quiet or --json. */
  say(text: string): void {
    if (!this.#quiet) this.#write(text);
  }

  /** About the run itself, beside its results: on standard error. */
  notice(text: string): void {
    if (this.#quiet) return;
    this.progress.hide();
    process.stderr.write(`${text}\n`);
  }

  /**
   * Something that the user should look at, but that stops nothing. On standard error, also with --quiet. It may quote anything:
   * a script of a package, a device.
   */
  warn(text: string): void {
    if (this.json) return;
    this.progress.hide();
    process.stderr.write(
      `${styleText('yellow', 'Warning:', { stream: process.stderr })} ${visibleLines(text)}\n`,
    );
  }

  /** What the verb was called for: `value` with --json, otherwise `text`, also with --quiet. */
  result(value: unknown, text: string): void {
    this.#write(this.json ? JSON.stringify(value, null, 2) : text);
  }

  /** Ends the progress display; what has not come to its end is shown as broken off. */
  close(): void {
    this.progress.close();
  }

  #write(text: string): void {
    this.progress.hide();
    process.stdout.write(`${text}\n`);
  }
}

/** Coloured where standard output is a terminal that wants it. */
export function paint(color: 'green' | 'yellow' | 'red' | 'bold' | 'dim', text: string): string {
  return styleText(color, text, { stream: process.stdout });
}

/** Columns as wide as their widest cell, two blanks between them. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
