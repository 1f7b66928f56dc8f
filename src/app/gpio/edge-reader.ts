// Reads edges of all lines of this program, in a thread of its own: the kernel keeps 1024 of them for a line, which at
// 100,000 a second is 10 ms, and a program may do something else for longer than that.
//
// Tried and rejected: net.Socket and tty refuse the descriptor of a line; fs.read takes one of the four threads of libuv's
// pool for each line, for ever; and the kernel sends no signal (O_ASYNC) for one. A thread that waits in poll(2) costs
// nothing while nothing happens.
//
// What the program has not taken yet is bounded for each line; what is beyond is dropped, and shows by its number.

import { Worker } from 'node:worker_threads';
import { LINE_EVENT_BYTES } from './abi.ts';
import type { GpioKernel } from './kernel.ts';

/** Edges of a line that wait to be taken: 3 MB. */
export const MAX_WAITING_EDGES = 65_536;
/** What the kernel gives at once. */
const EDGES_A_READ = 1024;
/** Should a ring of the bell be lost. */
const POLL_LIMIT_MS = 1000;
/** The thread answers in far less than a millisecond, unless the computer is out of breath. */
const REMOVE_LIMIT_MS = 2000;
const BELOW_NORMAL_MB = 4;

// A string, because an app is one bundled file: there is no second file to start a worker from.
const WORKER_SOURCE = `
const { parentPort, receiveMessageOnPort, workerData } = require('node:worker_threads');
const { dlopen, getInt32 } = require('node:ffi');
const { bell, eventBytes, edgesARead, maxWaiting, pollLimitMs } = workerData;
const { functions: { poll, read, __errno_location: errnoLocation } } = dlopen('libc.so.6', {
  poll: { arguments: ['buffer', 'uint64', 'int32'], return: 'int32' },
  read: { arguments: ['int32', 'buffer', 'uint64'], return: 'int64' },
  __errno_location: { arguments: [], return: 'pointer' },
});
const POLLIN = 1, EINTR = 4, EAGAIN = 11;
const lines = new Map();
const chunk = new Uint8Array(edgesARead * eventBytes);
let fds;
let isEnded = false;
function renew() {
  fds = new Int32Array(2 * (lines.size + 1));
  [bell, ...lines.keys()].forEach((fd, index) => fds.set([fd, POLLIN], 2 * index));
}
function obey() {
  read(bell, new Uint8Array(8), 8n);
  for (let message; (message = receiveMessageOnPort(parentPort)); ) {
    const { add, remove, end } = message.message;
    if (add) lines.set(add.fd, add);
    if (remove) {
      lines.delete(remove.fd);
      Atomics.store(remove.state, 1, 1);
      Atomics.notify(remove.state, 1);
    }
    isEnded ||= end === true;
  }
  renew();
}
function readLine({ fd, id, state }) {
  const length = Number(read(fd, chunk, BigInt(chunk.length)));
  if (length < 0) {
    const errno = getInt32(errnoLocation(), 0);
    if (errno !== EINTR && errno !== EAGAIN) lose(fd, id, errno);
    return;
  }
  if (length === 0) return lose(fd, id, 0);
  const count = length / eventBytes;
  if (Atomics.load(state, 0) + count > maxWaiting) return;
  Atomics.add(state, 0, count);
  const bytes = chunk.slice(0, length);
  parentPort.postMessage({ id, bytes }, [bytes.buffer]);
}
function lose(fd, id, errno) {
  lines.delete(fd);
  renew();
  parentPort.postMessage({ id, errno });
}
renew();
while (!isEnded) {
  poll(new Uint8Array(fds.buffer), BigInt(fds.length / 2), pollLimitMs);
  const seen = fds;
  if (seen[1] >> 16) obey();
  for (let index = 2; index < seen.length; index += 2) {
    const line = lines.get(seen[index]);
    if (line && seen[index + 1] >> 16) readLine(line);
  }
}
`;

export interface EdgeSink {
  /** Of whole events (gpio_v2_line_event); `taken` says how many of them do not wait any more. */
  onEvents(bytes: Uint8Array): void;
  /** There will be no more: the chip is gone. */
  onEnd(errno: number): void;
}

export interface Subscription {
  /** Edges that were handed on do not count any more. */
  taken(count: number): void;
  /** Resolves nothing: when it returns, nobody reads the line any more. */
  end(): void;
}

interface FromWorker {
  id: number;
  bytes?: Uint8Array;
  errno?: number;
}

export class EdgeReader {
  readonly #kernel: GpioKernel;
  readonly #sinks = new Map<number, EdgeSink>();
  #nextId = 0;
  #thread: { worker: Worker; bell: number } | undefined;

  constructor(kernel: GpioKernel) {
    this.#kernel = kernel;
  }

  /** Keeps the process alive until `end`. */
  subscribe(fd: number, sink: EdgeSink): Subscription {
    const { worker, bell } = (this.#thread ??= this.#start());
    const id = this.#nextId++;
    // Edges that wait, and whether the thread has let go of the line.
    const state = new Int32Array(new SharedArrayBuffer(8));
    this.#sinks.set(id, sink);
    worker.ref();
    const tell = (message: object): void => {
      worker.postMessage(message, []);
      this.#kernel.ring(bell);
    };
    tell({ add: { fd, id, state } });
    return {
      taken: (count) => void Atomics.sub(state, 0, count),
      end: () => {
        if (!this.#sinks.delete(id)) return;
        tell({ remove: { fd, state } });
        // The number of the descriptor may be another one's as soon as it is closed.
        Atomics.wait(state, 1, 0, REMOVE_LIMIT_MS);
        if (this.#sinks.size === 0) worker.unref();
      },
    };
  }

  #start(): { worker: Worker; bell: number } {
    const bell = this.#kernel.openBell();
    const worker = new Worker(WORKER_SOURCE, {
      eval: true,
      name: 'gpio',
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxYoungGenerationSizeMb: BELOW_NORMAL_MB },
      workerData: {
        bell,
        eventBytes: LINE_EVENT_BYTES,
        edgesARead: EDGES_A_READ,
        maxWaiting: MAX_WAITING_EDGES,
        pollLimitMs: POLL_LIMIT_MS,
      },
    });
    worker.on('message', ({ id, bytes, errno }: FromWorker) => {
      const sink = this.#sinks.get(id);
      if (bytes !== undefined) sink?.onEvents(bytes);
      else sink?.onEnd(errno ?? 0);
    });
    // A thread that waits in the kernel would hold up the end of the process.
    process.once('exit', () => {
      worker.postMessage({ end: true }, []);
      this.#kernel.ring(bell);
    });
    return { worker, bell };
  }
}
