// Progress of steps that may run at the same time. On a terminal each running step has a line that is
// redrawn; into a pipe each step writes one plain line when it starts. Own code and not listr2, because
// steps come up while others run (a download inside a build), not as a list known beforehand.

import { stripVTControlCharacters, styleText } from 'node:util';
import { type ProgressReporter, type ProgressStep, silentProgress } from '../progress.ts';
import { formatBytes } from './sizes.ts';

export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

interface RunningStep {
  what: string;
  totalBytes: number | undefined;
  doneBytes: number;
  detail: string;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const REDRAW_MS = 100;

export class TerminalProgress implements ProgressReporter {
  readonly #stream: ProgressStream;
  readonly #quiet: boolean;
  readonly #isLive: boolean;
  readonly #running = new Set<RunningStep>();
  #drawnLines = 0;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { stream: ProgressStream; quiet: boolean }) {
    this.#stream = options.stream;
    this.#quiet = options.quiet;
    this.#isLive = options.stream.isTTY === true && process.env['TERM'] !== 'dumb';
  }

  start(what: string, totalBytes?: number): ProgressStep {
    const step: RunningStep = { what, totalBytes, doneBytes: 0, detail: '' };
    if (this.#quiet) return silentProgress.start(what);
    this.#running.add(step);
    if (this.#isLive) this.#scheduleRedraw();
    else this.#stream.write(`${what}${totalBytes === undefined ? '' : ` (${formatBytes(totalBytes)})`}\n`);
    return {
      advance: (bytes) => {
        step.doneBytes += bytes;
      },
      tell: (detail) => {
        step.detail = detail;
      },
      done: (note) => this.#finish(step, note),
    };
  }

  /** Takes the running lines off the screen, so that other text can be written; the next redraw brings them back. */
  hide(): void {
    if (this.#drawnLines === 0) return;
    // The cursor goes to the first drawn line, and the rest of the screen is cleared.
    this.#stream.write(`\x1b[${this.#drawnLines}A\r\x1b[J`);
    this.#drawnLines = 0;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.hide();
    if (this.#isLive)
      for (const step of this.#running) this.#writeLine(`${this.#paint('red', '✗')} ${step.what}`);
    this.#running.clear();
  }

  #finish(step: RunningStep, note: string | undefined): void {
    if (!this.#running.delete(step)) return;
    const suffix = note === undefined || note === '' ? '' : `: ${note}`;
    if (this.#isLive) {
      this.hide();
      this.#writeLine(`${this.#paint('green', '✓')} ${step.what}${suffix}`);
      this.#redraw();
    } else if (suffix !== '') {
      this.#stream.write(`${step.what}${suffix}\n`);
    }
    if (this.#running.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #scheduleRedraw(): void {
    // A step that is over within the first interval shows only its last line: no flicker.
    this.#timer ??= setInterval(() => this.#redraw(), REDRAW_MS).unref();
  }

  #redraw(): void {
    this.hide();
    this.#frame = (this.#frame + 1) % FRAMES.length;
    for (const step of this.#running) {
      this.#writeLine(`${this.#paint('cyan', FRAMES[this.#frame] ?? '')} ${step.what}${describeStep(step)}`);
      this.#drawnLines += 1;
    }
  }

  /** Cut to the width of the terminal: a line that wraps could not be redrawn. */
  #writeLine(text: string): void {
    const width = (this.#stream.columns ?? 0) > 0 ? (this.#stream.columns ?? 0) : 80;
    const isTooLong = stripVTControlCharacters(text).length >= width;
    this.#stream.write(
      `${isTooLong ? `${text.slice(0, width - 2 + text.length - stripVTControlCharacters(text).length)}…` : text}\n`,
    );
  }

  #paint(color: 'red' | 'green' | 'cyan', text: string): string {
    return styleText(color, text, { stream: process.stderr });
  }
}

function describeStep(step: RunningStep): string {
  if (step.detail !== '') return `: ${step.detail}`;
  if (step.totalBytes === undefined) return step.doneBytes === 0 ? '' : `  ${formatBytes(step.doneBytes)}`;
  const percent =
    step.totalBytes === 0 ? 100 : Math.min(100, Math.floor((step.doneBytes / step.totalBytes) * 100));
  return `  ${formatBytes(step.doneBytes)} of ${formatBytes(step.totalBytes)}  ${percent}%`;
}
