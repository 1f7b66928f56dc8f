// Server-sent events (HTML standard, section 9.2) to clients of any speed. A stream holds at most what one
// `send` gave it: a client that is behind is skipped by its sender (`isBehind`), and one that reads
// nothing for two heartbeats is dropped.

import type http from 'node:http';

import { HttpError } from './http-error.ts';

const HEARTBEAT_MS = 15_000;
/** A page that lost us tries again after this. */
const RETRY_MS = 2_000;
/** Each may cost init a connection, of which it has 64. */
const MAX_STREAMS = 32;

export class EventStream {
  readonly #response: http.ServerResponse;
  #wasBehind = false;
  #hasEnded = false;

  constructor(response: http.ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'X-Accel-Buffering': 'no',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
  }

  /** What was sent before has not left yet: sending more would only pile up. */
  get isBehind(): boolean {
    return this.#response.writableNeedDrain;
  }

  /** `data` must be JSON, which has no line breaks. Nothing is sent once the stream has ended. */
  send(event: string, data: string, id?: string): void {
    if (this.#hasEnded) return;
    this.#response.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`);
  }

  onDrain(listener: () => void): void {
    this.#response.on('drain', listener);
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  /** Finds out about clients that went away without a word, too. */
  heartbeat(): void {
    // What has ended and is still here waits for its client to read the rest.
    const isBehind = this.isBehind || this.#hasEnded;
    if (isBehind && this.#wasBehind) this.#response.destroy();
    else if (isBehind) this.#wasBehind = true;
    else {
      this.#wasBehind = false;
      this.#response.write(': \n\n');
    }
  }

  end(): void {
    this.#hasEnded = true;
    this.#response.end();
  }
}

/** All streams of the server: bounds them and beats their hearts with one timer, which sleeps when none is open. */
export class EventStreams {
  readonly #streams = new Set<EventStream>();
  readonly #heartbeatMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { heartbeatMs?: number } = {}) {
    this.#heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
  }

  get size(): number {
    return this.#streams.size;
  }

  open(response: http.ServerResponse): EventStream {
    // An answer to HEAD would have neither a body nor an end.
    if (response.req.method === 'HEAD')
      throw new HttpError('wrong-method', 'A live view has no head alone', { headers: { Allow: 'GET' } });
    if (this.#streams.size >= MAX_STREAMS)
      throw new HttpError(
        'busy',
        `${MAX_STREAMS} live views are open, which is all that this device allows`,
        {
          headers: { 'Retry-After': '30' },
        },
      );
    // The stream's close will not be told again, and the stream would hold its place for good. Nobody reads this.
    if (response.destroyed) throw new HttpError('malformed', 'The client has gone');
    const stream = new EventStream(response);
    this.#streams.add(stream);
    this.#timer ??= setInterval(() => {
      for (const each of this.#streams) each.heartbeat();
    }, this.#heartbeatMs);
    stream.onClose(() => {
      this.#streams.delete(stream);
      if (this.#streams.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    return stream;
  }

  endAll(): void {
    for (const stream of this.#streams) stream.end();
  }
}
