// An answer without end: one JSON value a line. A reader that does not read is cut off, because what it
// leaves unread piles up in PID 1.

import type { ServerResponse } from 'node:http';

const MAX_UNREAD_BYTES = 1024 * 1024;

export class NdjsonStream {
  readonly #response: ServerResponse;
  #isCorked = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    response.flushHeaders();
  }

  /** What there is at the start: bounded by itself, so it is not cut off however long it is. */
  sendAll(values: readonly unknown[]): void {
    if (values.length > 0) this.#response.write(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  }

  send(value: unknown): void {
    if (this.#response.writableLength > MAX_UNREAD_BYTES) {
      this.#response.destroy();
      return;
    }
    this.#corkForThisTurn();
    this.#response.write(`${JSON.stringify(value)}\n`);
  }

  end(): void {
    this.#response.end();
  }

  /** Calls `stop` when the reader has gone or was cut off. */
  onClose(stop: () => void): void {
    if (this.#response.closed) stop();
    else this.#response.once('close', stop);
  }

  /** Many lines of one turn of the event loop go out in one write. */
  #corkForThisTurn(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#response.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#response.uncork();
    });
  }
}
