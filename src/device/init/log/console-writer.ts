// Writes lines to the console without ever waiting for it: a serial line takes 11 KB a second, a flow-
// controlled one may take nothing. What does not fit into a bounded queue is dropped, and counted.

import { constants, openSync, writeSync } from 'node:fs';

const QUEUE_BYTES = 256 * 1024;
const RETRY_MS = 20;

export class ConsoleWriter {
  #fd: number | undefined;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #droppedLines = 0;
  #retryTimer: NodeJS.Timeout | undefined;

  /** Lines written before wait for this. */
  open(path: string): void {
    this.#fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    this.#drain();
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#queuedBytes + bytes.length > QUEUE_BYTES) {
      this.#droppedLines++;
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#retryTimer === undefined) this.#drain();
  }

  #drain(): void {
    this.#retryTimer = undefined;
    if (this.#fd === undefined) return;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const written = tryWrite(this.#fd, next);
      this.#queuedBytes -= written;
      if (written < next.length) {
        this.#queue[0] = next.subarray(written);
        this.#retryTimer = setTimeout(() => this.#drain(), RETRY_MS);
        return;
      }
      this.#queue.shift();
    }
    if (this.#droppedLines > 0) {
      const dropped = this.#droppedLines;
      this.#droppedLines = 0;
      this.write(`(${dropped} lines are missing here: the console is too slow)`);
    }
  }
}

function tryWrite(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    // A console that is gone (a USB serial adapter pulled out) must not cost more than its lines.
    return bytes.length;
  }
}
