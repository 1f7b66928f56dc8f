// A kernel with GPIO chips that are made up. A line's edges come through a pipe, as structures of the kernel's: so the thread
// that waits for them, poll(2) and read(2) are the real ones. A pipe holds 1365 of them where the kernel keeps 1024.

import { closeSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { encodeLineEvent, FLAG, type LineConfig, LINE_EVENT_BYTES } from '../../../src/app/gpio/abi.ts';
import { type GpioKernel, linuxKernel, openLibc } from '../../../src/app/gpio/kernel.ts';

const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
/** Far from descriptors. */
const FIRST_CHIP = 1_000_000;
const EDGES = FLAG.edgeRising | FLAG.edgeFalling;

const pipe2 = openLibc()('pipe2', ['buffer', 'int32']);

export interface FakeChip {
  label: string;
  /** By offset. */
  names?: Readonly<Record<number, string>>;
  /** Who holds a line already, by offset. */
  holders?: Readonly<Record<number, string>>;
}

export interface FakeLine {
  fd: number;
  offset: number;
  consumer: string;
  config: LineConfig;
  level: boolean;
  /** Where its edges go in. */
  wire: number;
  sequence: number;
}

export class FakeKernel {
  /** Those that are open. */
  readonly lines = new Map<number, FakeLine>();
  /** Chips that are open. */
  readonly open = new Set<number>();
  readonly kernel: GpioKernel;
  failWith: Partial<Record<keyof GpioKernel, string>> = {};

  constructor(chips: Readonly<Record<string, FakeChip>>) {
    const paths = Object.keys(chips);
    const chipOf = (fd: number): FakeChip => chips[paths[fd - FIRST_CHIP]!]!;
    const lineOf = (fd: number): FakeLine => {
      const line = this.lines.get(fd);
      if (line === undefined) throw errorOf('EBADF');
      return line;
    };
    const real = linuxKernel();
    const calls: GpioKernel = {
      openBell: () => real.openBell(),
      ring: (bell) => real.ring(bell),
      discardEdges: (line) => real.discardEdges(line),
      chips: () => paths,
      open: (path) => {
        const fd = FIRST_CHIP + paths.indexOf(path);
        this.open.add(fd);
        return fd;
      },
      chipInfo: (fd) => ({ label: chipOf(fd).label, lines: 54 }),
      lineInfo: (fd, offset) => {
        const { names, holders } = chipOf(fd);
        const consumer = holders?.[offset] ?? this.line(offset)?.consumer ?? '';
        return { name: names?.[offset] ?? '', consumer, isUsed: consumer !== '' };
      },
      requestLine: (fd, { offset, consumer, config }) => {
        if (chipOf(fd).holders?.[offset] !== undefined || this.line(offset)) throw errorOf('EBUSY');
        const ends = new Int32Array(2);
        pipe2(new Uint8Array(ends.buffer), O_CLOEXEC | O_NONBLOCK);
        const [line = -1, wire = -1] = ends;
        const level = config.value ?? false;
        this.lines.set(line, { fd: line, offset, consumer, config, level, wire, sequence: 0 });
        return line;
      },
      configure: (fd, config) => void (lineOf(fd).config = config),
      read: (fd) => lineOf(fd).level,
      write: (fd, value) => void (lineOf(fd).level = value),
      close: (fd) => {
        if (this.open.delete(fd)) return;
        const { wire } = lineOf(fd);
        this.lines.delete(fd);
        closeSync(fd);
        if (wire >= 0) closeSync(wire);
      },
    };
    for (const name of Object.keys(calls) as (keyof GpioKernel)[]) {
      const call = calls[name] as (...args: unknown[]) => unknown;
      Object.assign(calls, {
        [name]: (...args: unknown[]) => {
          const code = this.failWith[name];
          if (code !== undefined) throw errorOf(code);
          return call(...args);
        },
      });
    }
    this.kernel = calls;
  }

  line(offset: number): FakeLine | undefined {
    return [...this.lines.values()].find((line) => line.offset === offset);
  }

  /** As the kernel: an edge that nobody asked for is none, and one for which there is no room is counted. */
  edge(offset: number, isRising: boolean): void {
    const line = this.line(offset)!;
    line.level = isRising;
    if ((line.config.flags & (isRising ? FLAG.edgeRising : FLAG.edgeFalling)) === 0n) return;
    const sequence = ++line.sequence;
    try {
      writeSync(line.wire, encodeLineEvent({ timestampNs: process.hrtime.bigint(), isRising, sequence }));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }

  /** The chip is pulled out. */
  pull(offset: number): void {
    const line = this.line(offset)!;
    closeSync(line.wire);
    line.wire = -1;
  }

  /**
   * Edges from a thread of its own, so many a second (Infinity: as they are taken). `waits`: it tries again where the kernel
   * would have lost one. `done` is the number that were made, and can be waited for with Atomics.
   */
  storm(offset: number, options: { count: number; perSecond: number; waits: boolean }): Storm {
    const line = this.line(offset)!;
    const done = new Int32Array(new SharedArrayBuffer(4));
    const workerData = {
      ...options,
      wire: line.wire,
      done,
      eventBytes: LINE_EVENT_BYTES,
      first: line.sequence,
    };
    line.sequence += options.count;
    const worker = new Worker(STORM_SOURCE, { eval: true, workerData });
    const ended = new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', () => resolve());
    });
    return { done, ended };
  }

  get hasEdges(): boolean {
    return [...this.lines.values()].some(({ config }) => (config.flags & EDGES) !== 0n);
  }
}

export interface Storm {
  done: Int32Array<SharedArrayBuffer>;
  ended: Promise<void>;
}

const STORM_SOURCE = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const { wire, count, perSecond, waits, done, eventBytes, first } = workerData;
const bytes = new Uint8Array(eventBytes);
const view = new DataView(bytes.buffer);
const startNs = process.hrtime.bigint();
const sleeper = new Int32Array(new SharedArrayBuffer(4));
for (let made = 0; made < count; made++) {
  while (Number(process.hrtime.bigint() - startNs) < (made * 1e9) / perSecond);
  view.setBigUint64(0, process.hrtime.bigint(), true);
  view.setUint32(8, 1 + (made % 2), true);
  view.setUint32(20, first + made + 1, true);
  for (;;) {
    try {
      writeSync(wire, bytes);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      if (waits) {
        Atomics.wait(sleeper, 0, 0, 1);
        continue;
      }
    }
    break;
  }
}
Atomics.store(done, 0, count);
Atomics.notify(done, 0);
`;

function errorOf(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: fake`), { code });
}
