// The lines of one output of a service as somebody watches them: a line that does not end (a prompt, a step that hangs)
// shows after a second, progress that goes on and on only now and then, lest it displaces all else in the log.

import { LineSplitter } from './line-splitter.ts';

const SHOW_AFTER_MS = { news: 1000, progress: 10_000 };

export class StreamLines {
  readonly #splitter: LineSplitter;
  readonly #now: () => number;
  /** Time since which something waits for its end, and since which there is news in it. */
  #sinceMs: number | undefined;
  #newsSinceMs: number | undefined;
  #timer: { handle: NodeJS.Timeout; dueMs: number } | undefined;

  constructor(onLine: (text: string) => void, now: () => number) {
    this.#now = now;
    this.#splitter = new LineSplitter((line) => {
      this.#forget();
      onLine(line);
    });
  }

  /** How many ends of lines were in it. */
  write(chunk: Buffer): number {
    const ends = this.#splitter.write(chunk);
    this.#watch();
    return ends;
  }

  end(): void {
    this.#splitter.end();
    this.#watch();
  }

  #watch(): void {
    const { unshown } = this.#splitter;
    if (unshown === 'nothing') {
      this.#forget();
      this.#cancel();
      return;
    }
    const nowMs = this.#now();
    this.#sinceMs ??= nowMs;
    // A line that comes in pieces may be either in turn.
    this.#newsSinceMs = unshown === 'news' ? (this.#newsSinceMs ?? nowMs) : undefined;
    const newsDueMs = (this.#newsSinceMs ?? Infinity) + SHOW_AFTER_MS.news;
    const dueMs = Math.min(this.#sinceMs + SHOW_AFTER_MS.progress, newsDueMs);
    if (this.#timer?.dueMs === dueMs) return;
    this.#cancel();
    this.#timer = { dueMs, handle: setTimeout(() => this.#show(), Math.max(0, dueMs - nowMs)) };
  }

  #show(): void {
    this.#timer = undefined;
    this.#splitter.show();
    // Half a character is not shown, and waits for what comes.
    this.#forget();
  }

  #forget(): void {
    this.#sinceMs = undefined;
    this.#newsSinceMs = undefined;
  }

  #cancel(): void {
    clearTimeout(this.#timer?.handle);
    this.#timer = undefined;
  }
}
