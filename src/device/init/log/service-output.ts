// What a service writes, on its way into its log: cut into lines, and limited, so that a service that
// floods its output costs init neither memory nor more than a little time. What is over the limit is
// read and dropped, and the log says how much: a full pipe would hold up the service for the log's sake.

import type { OutputSource } from '../../sys/sys.ts';
import type { LogRing } from './log-ring.ts';
import { StreamLines } from './stream-lines.ts';

type OutputStream = 'stdout' | 'stderr';

/** A service may write so much at once, and so much a second for ever. */
const BURST_BYTES = 4 * 1024 * 1024;
const BYTES_PER_SECOND = 1024 * 1024;
/** A line costs init time whatever its length and whether it is kept, so it counts as so many bytes more. */
const BYTES_PER_LINE = 64;
/** Dropped bytes after which reading rests, so that reading them for nothing cannot keep init busy. */
const DROPPED_BYTES_PER_REST = 1024 * 1024;
const REST_MS = 50;
const NOTICE_INTERVAL_MS = 1000;

export class ServiceOutput {
  readonly #log: LogRing;
  readonly #streams: Readonly<Record<OutputStream, StreamLines>>;
  readonly #now: () => number;
  #budget = BURST_BYTES;
  #budgetTime: number;
  #dropped = 0;
  #droppedSinceRest = 0;
  #noticeTimer: NodeJS.Timeout | undefined;

  constructor(log: LogRing, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
    this.#budgetTime = now();
    this.#streams = {
      stdout: new StreamLines((line) => log.append('stdout', line), now),
      stderr: new StreamLines((line) => log.append('stderr', line), now),
    };
  }

  /** `source` rests when it only floods. */
  write(stream: OutputStream, chunk: Buffer, source: OutputSource): void {
    if (this.#isWithinLimit(chunk.length)) {
      this.#budget -= BYTES_PER_LINE * this.#streams[stream].write(chunk);
      return;
    }
    this.#dropped += chunk.length;
    this.#noticeTimer ??= setTimeout(() => this.#noticeDropped(), NOTICE_INTERVAL_MS);
    this.#droppedSinceRest += chunk.length;
    if (this.#droppedSinceRest >= DROPPED_BYTES_PER_REST) {
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

  #isWithinLimit(bytes: number): boolean {
    const now = this.#now();
    this.#budget = Math.min(BURST_BYTES, this.#budget + ((now - this.#budgetTime) * BYTES_PER_SECOND) / 1000);
    this.#budgetTime = now;
    if (bytes > this.#budget) return false;
    this.#budget -= bytes;
    return true;
  }

  #noticeDropped(): void {
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = undefined;
    if (this.#dropped === 0) return;
    this.#log.append('init', `dropped ${formatSize(this.#dropped)} of output: it came too fast`);
    this.#dropped = 0;
  }
}

function formatSize(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
