// What a service writes, on its way into its log: cut into lines, and limited, so that a service that
// floods its output costs init neither memory nor more than a little time. What is over the limit is
// read and dropped, and the log says how much: a full pipe would hold up the service for the log's sake.

import { LOG_BYTES, LOG_LINES } from '../../../shared/services/app-limits.ts';
import type { OutputSource } from '../../sys/sys.ts';
import type { LogRing } from './log-ring.ts';
import { StreamLines } from './stream-lines.ts';
import { monotonicMs } from '../../monotonic.ts';

type OutputStream = 'stdout' | 'stderr';

/** Dropped bytes after which reading rests, so that reading them for nothing cannot keep init busy. */
const DROPPED_BYTES_PER_REST = 1024 * 1024;
const REST_MS = 50;
const NOTICE_INTERVAL_MS = 1000;

export class ServiceOutput {
  readonly #log: LogRing;
  readonly #streams: Readonly<Record<OutputStream, StreamLines>>;
  readonly #now: () => number;
  #bytesLeft = LOG_BYTES.atOnce;
  #linesLeft = LOG_LINES.atOnce;
  #filledAt: number;
  #dropped = 0;
  #droppedSinceRest = 0;
  #noticeTimer: NodeJS.Timeout | undefined;
  /** Gets all that comes, also what is dropped from the log; `chunk` is used again after the call. */
  tap: ((stream: OutputStream, chunk: Buffer) => void) | undefined;

  constructor(log: LogRing, now: () => number = monotonicMs) {
    this.#log = log;
    this.#now = now;
    this.#filledAt = now();
    this.#streams = {
      stdout: new StreamLines((line) => log.append('stdout', line), now),
      stderr: new StreamLines((line) => log.append('stderr', line), now),
    };
  }

  /** `source` rests when it only floods. */
  write(stream: OutputStream, chunk: Buffer, source: OutputSource): void {
    this.tap?.(stream, chunk);
    this.#fillUp();
    const isWithinBytes = chunk.length <= this.#bytesLeft;
    const taken = isWithinBytes ? firstLines(chunk, Math.floor(this.#linesLeft)) : chunk.subarray(0, 0);
    if (taken.length > 0) {
      this.#bytesLeft -= taken.length;
      this.#linesLeft -= this.#streams[stream].write(taken);
    }
    const droppedBytes = chunk.length - taken.length;
    if (droppedBytes === 0) return;
    this.#dropped += droppedBytes;
    this.#noticeTimer ??= setTimeout(() => this.#noticeDropped(), NOTICE_INTERVAL_MS);
    this.#droppedSinceRest += droppedBytes;
    // Of lines that come too fast each piece is followed by a rest: whoever prints nothing but newlines fills a pipe with
    // ten thousand of them in no time.
    if (isWithinBytes || this.#droppedSinceRest >= DROPPED_BYTES_PER_REST) {
      this.#droppedSinceRest = 0;
      source.rest(REST_MS);
    }
  }

  /** The process has closed its outputs. */
  end(): void {
    this.#streams.stdout.end();
    this.#streams.stderr.end();
    this.#noticeDropped();
  }

  #fillUp(): void {
    const now = this.#now();
    const seconds = (now - this.#filledAt) / 1000;
    this.#filledAt = now;
    this.#bytesLeft = Math.min(LOG_BYTES.atOnce, this.#bytesLeft + seconds * LOG_BYTES.perSecond);
    this.#linesLeft = Math.min(LOG_LINES.atOnce, this.#linesLeft + seconds * LOG_LINES.perSecond);
  }

  #noticeDropped(): void {
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = undefined;
    if (this.#dropped === 0) return;
    this.#log.append('init', `dropped ${formatSize(this.#dropped)} of output: it came too fast`);
    this.#dropped = 0;
  }
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** The start of it that has no more than so many ends of lines: all of it, mostly. */
function firstLines(chunk: Buffer, lines: number): Buffer {
  if (chunk.length <= lines) return chunk;
  let left = lines;
  for (let at = 0; at < chunk.length; at++) {
    if (chunk[at] !== NEWLINE && chunk[at] !== RETURN) continue;
    if (left <= 0) return chunk.subarray(0, lines > 0 ? at : 0);
    left--;
  }
  return chunk;
}

function formatSize(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
