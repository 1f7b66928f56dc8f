// The last lines of one log, in memory: bounded in lines and in characters, whatever is written to it.

import type { LogLine, LogStream } from '../../../shared/services/services.ts';

const MAX_LINES = 1000;
const MAX_CHARACTERS = 256 * 1024;
/** Enough for a list of services: it is sent again at every change of one. */
const LAST_OUTPUT_CHARACTERS = 200;

export type LogFollower = (line: LogLine) => void;

export class LogRing {
  #lines: LogLine[] = [];
  /** Lines before this index are gone; they are cut off once they are the larger half, not one by one. */
  #first = 0;
  #characters = 0;
  #nextSeq = 0;
  #lastOutput: string | null = null;
  #followers = new Set<LogFollower>();

  append(stream: LogStream, text: string): void {
    const line: LogLine = { seq: this.#nextSeq++, timeMs: Date.now(), stream, text };
    this.#lines.push(line);
    if (stream !== 'init') this.#lastOutput = text.slice(0, LAST_OUTPUT_CHARACTERS);
    this.#characters += text.length;
    while (this.#lines.length - this.#first > MAX_LINES || this.#characters > MAX_CHARACTERS) {
      this.#characters -= this.#lines[this.#first]?.text.length ?? 0;
      this.#first++;
    }
    if (this.#first * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
    for (const follower of this.#followers) follower(line);
  }

  /** The last `count` lines, oldest first. */
  last(count: number): LogLine[] {
    return this.#lines.slice(Math.max(this.#first, this.#lines.length - count));
  }

  /** Start of the last line that the service itself wrote. */
  lastOutput(): string | null {
    return this.#lastOutput;
  }

  /** Calls `follower` for every line to come, until the function that it returns is called. */
  follow(follower: LogFollower): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}
