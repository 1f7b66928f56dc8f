// The lines of one log on their way to its file: bounded in memory by its keeper, and in what it may write,
// so that a service that floods its output neither wears out the flash nor displaces the logs of others.

import { appendFile, rename, stat } from 'node:fs';
import { promisify } from 'node:util';
import type { LogLine } from '../../../shared/services/services.ts';
import { encodeKeptLine, type KeptLine, KEPT_LINE_OVERHEAD_BYTES } from './kept-line.ts';

const append = promisify(appendFile) as (
  path: string,
  text: string,
  options: { mode: number; flush: boolean },
) => Promise<void>;
const move = promisify(rename);
const look = promisify(stat) as (path: string) => Promise<{ size: number }>;

/** Bytes that may come at once, and bytes a second for ever: 173 MB a day at most. */
const BURST_BYTES = 512 * 1024;
const BYTES_PER_SECOND = 2 * 1024;
/** A log has at most two files of about this size. */
const FILE_BYTES = 256 * 1024;

/** What waits to be written, of all logs together. In characters, which are bytes mostly. */
export interface Waiting {
  bytes: number;
  readonly limitBytes: number;
}

export class KeptLog {
  readonly name: string;
  readonly #now: () => number;
  readonly #waiting: Waiting;
  #pending: string[] = [];
  #pendingBytes = 0;
  #budget = BURST_BYTES;
  #budgetTime: number;
  #left = 0;
  #leftSinceMs = 0;
  #fileBytes: number | undefined;
  /** The file may end in half a line. */
  #isCut = false;

  constructor(name: string, waiting: Waiting, now: () => number) {
    this.name = name;
    this.#waiting = waiting;
    this.#now = now;
    this.#budgetTime = now();
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0 && this.#left === 0;
  }

  /** Leaves the line out when that is more than may wait, or more than may be written. */
  add(line: LogLine): void {
    const bytes = line.text.length + KEPT_LINE_OVERHEAD_BYTES;
    const now = this.#now();
    this.#budget = Math.min(BURST_BYTES, this.#budget + ((now - this.#budgetTime) * BYTES_PER_SECOND) / 1000);
    this.#budgetTime = now;
    if (bytes > this.#budget || this.#waiting.bytes + bytes > this.#waiting.limitBytes) {
      if (this.#left++ === 0) this.#leftSinceMs = line.timeMs;
      return;
    }
    this.#noteLeft();
    this.#budget -= bytes;
    this.#push(line);
  }

  /** Rejects when the storage does; what was to be written is then lost, and counted. `isForced`: onto the medium. */
  async write(path: string, isForced = false): Promise<number> {
    this.#noteLeft();
    const lines = this.#pending;
    this.#pending = [];
    this.#waiting.bytes -= this.#pendingBytes;
    this.#pendingBytes = 0;
    const text = `${this.#isCut ? '\n' : ''}${lines.join('')}`;
    try {
      this.#fileBytes ??= await look(path).then(
        ({ size }) => size,
        () => 0,
      );
      if (this.#fileBytes >= FILE_BYTES) {
        await move(path, `${path}.1`);
        this.#fileBytes = 0;
      }
      await append(path, text, { mode: 0o600, flush: isForced });
    } catch (error) {
      this.#isCut = true;
      this.#fileBytes = undefined;
      this.#left += lines.length;
      throw error;
    }
    this.#isCut = false;
    this.#fileBytes += Buffer.byteLength(text);
    return text.length;
  }

  /** A line that says how many are missing here. */
  #noteLeft(): void {
    if (this.#left === 0) return;
    const text = `${this.#left} ${this.#left === 1 ? 'line' : 'lines'} left out: too many to be kept`;
    this.#push({ timeMs: this.#leftSinceMs, stream: 'init', text });
    this.#left = 0;
  }

  #push(line: KeptLine): void {
    const text = encodeKeptLine(line);
    this.#pending.push(text);
    this.#pendingBytes += text.length;
    this.#waiting.bytes += text.length;
  }
}
