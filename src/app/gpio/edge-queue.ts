// Edges of a line between the thread that reads them and the program that takes them, as an async iterator. Keeps the bytes
// as they came, and makes an object of an edge when it is taken.

import { decodeLineEvent, LINE_EVENT_BYTES } from './abi.ts';
import type { Edge } from './types.ts';

/** So many edges may follow one another before others have their turn: a loop over what has come takes no turn of its own. */
const MAX_AT_ONCE = 256;

export class EdgeQueue implements AsyncIterableIterator<Edge> {
  readonly #onTaken: (count: number) => void;
  readonly #onEnd: () => void;
  #chunks: DataView[] = [];
  /** Those before have been taken: an array of tens of thousands is slow to shift. */
  #first = 0;
  readonly #waiting: PromiseWithResolvers<IteratorResult<Edge, undefined>>[] = [];
  #at = 0;
  #takenAtOnce = 0;
  /** Others have their turn. */
  #isResting = false;
  #lastSequence: number | undefined;
  #isEnded = false;
  #failure: { error: unknown } | undefined;

  /** `onEnd` is called once, however it ends. */
  constructor(options: { onTaken: (count: number) => void; onEnd: () => void }) {
    this.#onTaken = options.onTaken;
    this.#onEnd = options.onEnd;
  }

  push(bytes: Uint8Array): void {
    if (this.#isEnded) return;
    this.#chunks.push(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (!this.#isResting) this.#serve();
  }

  /** What has come before is taken first. */
  fail(error: unknown): void {
    if (this.#isEnded) return;
    this.#serve();
    this.#failure = { error };
    this.#waiting.shift()?.reject(this.#takeFailure());
    this.#finish();
  }

  next(): Promise<IteratorResult<Edge, undefined>> {
    if (this.#hasSome()) {
      if (this.#waiting.length === 0 && ++this.#takenAtOnce < MAX_AT_ONCE)
        return Promise.resolve({ done: false, value: this.#take() });
      this.#rest();
      return this.#wait();
    }
    if (this.#failure !== undefined) return Promise.reject(this.#takeFailure());
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return this.#wait();
  }

  /** What has come and was not taken is gone. */
  return(): Promise<IteratorResult<Edge, undefined>> {
    this.#chunks = [];
    this.#first = 0;
    this.#finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): Edge {
    const chunk = this.#chunks[this.#first]!;
    const { timestampNs, isRising, sequence } = decodeLineEvent(chunk, this.#at);
    this.#at += LINE_EVENT_BYTES;
    if (this.#at >= chunk.byteLength) {
      this.#at = 0;
      this.#first += 1;
      if (2 * this.#first > this.#chunks.length) {
        this.#chunks = this.#chunks.slice(this.#first);
        this.#first = 0;
      }
    }
    this.#onTaken(1);
    // The kernel counts in 32 bits.
    const lost = this.#lastSequence === undefined ? 0 : (sequence - this.#lastSequence - 1) >>> 0;
    this.#lastSequence = sequence;
    return { value: isRising, timeNs: timestampNs, lost };
  }

  #wait(): Promise<IteratorResult<Edge, undefined>> {
    const waiting = Promise.withResolvers<IteratorResult<Edge, undefined>>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  #rest(): void {
    this.#takenAtOnce = 0;
    if (this.#isResting) return;
    this.#isResting = true;
    setImmediate(() => {
      this.#isResting = false;
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#hasSome())
      this.#waiting.shift()!.resolve({ done: false, value: this.#take() });
  }

  #hasSome(): boolean {
    return this.#first < this.#chunks.length;
  }

  #takeFailure(): Error {
    const { error } = this.#failure!;
    this.#failure = undefined;
    return error instanceof Error ? error : new Error(String(error));
  }

  #finish(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.resolve({ done: true, value: undefined });
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd();
  }
}
