// The kernel's log, read from the kernel's own ring when somebody asks: nothing is kept twice, and nothing
// runs while nobody follows it. Format of /dev/kmsg: Linux documentation, ABI/testing/dev-kmsg.

import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { LogLine } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';
import { printable } from './line-splitter.ts';
import type { LogFollower } from './log-ring.ts';

/** One read gives one record, and fails when it does not fit. */
const RECORD_BYTES = 16 * 1024;
const POLL_MS = 500;
const SEVERITY_MASK = 7;
const SEVERITY_ERROR = 3;

export class KernelLog {
  readonly #sys: Sys;

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  last(count: number): LogLine[] {
    const fd = this.#open();
    if (fd === undefined) return [];
    try {
      const lines = [...this.#records(fd)];
      return lines.slice(Math.max(0, lines.length - count));
    } finally {
      closeSync(fd);
    }
  }

  /** Lines after number `afterSeq`; without one, those to come. */
  follow(follower: LogFollower, afterSeq = Infinity): () => void {
    const fd = this.#open();
    if (fd === undefined) return () => {};
    for (const line of this.#records(fd)) if (line.seq > afterSeq) follower(line);
    const timer = setInterval(() => {
      for (const line of this.#records(fd)) follower(line);
    }, POLL_MS);
    return () => {
      clearInterval(timer);
      closeSync(fd);
    };
  }

  /** Returns a function that gives the lines that have come since it was called last; all there are at first. */
  newLines(): () => Iterable<LogLine> {
    let fd: number | undefined;
    return () => {
      fd ??= this.#open();
      return fd === undefined ? [] : this.#records(fd);
    };
  }

  #open(): number | undefined {
    try {
      return openSync(this.#sys.path('/dev/kmsg'), constants.O_RDONLY | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
  }

  *#records(fd: number): Generator<LogLine> {
    const bootedAtMs = Date.now() - this.#sys.uptimeMs();
    const buffer = Buffer.allocUnsafe(RECORD_BYTES);
    for (;;) {
      const length = readRecord(fd, buffer);
      if (length === 0) return;
      const line = length > 0 ? parseKernelRecord(buffer.toString('utf8', 0, length), bootedAtMs) : undefined;
      if (line !== undefined) yield line;
    }
  }
}

/** 0: no more for now; -1: a record was overwritten before it was read. */
function readRecord(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPIPE' ? -1 : 0;
  }
}

/** `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT`, then lines of details that start with a blank. */
export function parseKernelRecord(record: string, bootedAtMs: number): LogLine | undefined {
  const match = /^(\d+),(\d+),(\d+),[^;]*;([^\n]*)/.exec(record);
  if (match === null) return undefined;
  const [, priority, sequence, microseconds, text] = match;
  return {
    seq: Number(sequence),
    timeMs: Math.round(bootedAtMs + Number(microseconds) / 1000),
    stream: (Number(priority) & SEVERITY_MASK) <= SEVERITY_ERROR ? 'stderr' : 'stdout',
    text: printable(unescapeText(text ?? '')),
  };
}

/** The kernel writes bytes that are not printable ASCII as `\xNN`, those of UTF-8 text too. */
function unescapeText(text: string): string {
  if (!text.includes('\\x')) return text;
  const latin1 = text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
