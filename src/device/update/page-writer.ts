// Writes a device page by page, and only pages that differ from what is there: flash wears, and most of an update
// is what the slot had before. Neighbouring writes are joined, because chunks end anywhere in a page.

import { type ByteDevice, readInto } from '../../formats/byte-source.ts';

export const PAGE_BYTES = 4096;
const PENDING_BYTES = 256 * 1024;

/** Use it alone: what it holds back is written by `drain` or `flush` at the latest. Reads see what was written. */
export class PageWriter implements ByteDevice {
  readonly sizeBytes: number;
  readonly #device: ByteDevice;
  /** One run of bytes to be written; the first of them goes to #startBytes. */
  readonly #pending = new Uint8Array(PENDING_BYTES);
  #startBytes = 0;
  #filledBytes = 0;
  /** The pages around the run as they are, and as they will be. */
  readonly #before = new Uint8Array(PENDING_BYTES + 2 * PAGE_BYTES);
  readonly #after = new Uint8Array(PENDING_BYTES + 2 * PAGE_BYTES);

  constructor(device: ByteDevice) {
    this.#device = device;
    this.sizeBytes = device.sizeBytes;
  }

  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    await this.#drainBefore(offsetBytes, lengthBytes);
    return this.#device.read(offsetBytes, lengthBytes);
  }

  async readInto(offsetBytes: number, target: Uint8Array): Promise<void> {
    await this.#drainBefore(offsetBytes, target.length);
    await readInto(this.#device, offsetBytes, target);
  }

  async #drainBefore(offsetBytes: number, lengthBytes: number): Promise<void> {
    const endBytes = this.#startBytes + this.#filledBytes;
    const meets = offsetBytes < endBytes && offsetBytes + lengthBytes > this.#startBytes;
    if (meets) await this.drain();
  }

  async write(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    if (offsetBytes < 0 || offsetBytes + bytes.length > this.sizeBytes) {
      throw new RangeError(
        `Cannot write ${bytes.length} bytes at ${offsetBytes}: the device has ${this.sizeBytes}`,
      );
    }
    for (let done = 0; done < bytes.length;) {
      const follows = offsetBytes + done === this.#startBytes + this.#filledBytes;
      if (!follows || this.#filledBytes === PENDING_BYTES) await this.drain();
      if (this.#filledBytes === 0) this.#startBytes = offsetBytes + done;
      const length = Math.min(bytes.length - done, PENDING_BYTES - this.#filledBytes);
      this.#pending.set(bytes.subarray(done, done + length), this.#filledBytes);
      this.#filledBytes += length;
      done += length;
    }
  }

  async flush(): Promise<void> {
    await this.drain();
    await this.#device.flush?.();
  }

  /** Holds nothing back any more. */
  async drain(): Promise<void> {
    if (this.#filledBytes === 0) return;
    const firstBytes = Math.floor(this.#startBytes / PAGE_BYTES) * PAGE_BYTES;
    const lastPageEnd = Math.ceil((this.#startBytes + this.#filledBytes) / PAGE_BYTES) * PAGE_BYTES;
    const endBytes = Math.min(lastPageEnd, this.sizeBytes);
    const before = this.#before.subarray(0, endBytes - firstBytes);
    await readInto(this.#device, firstBytes, before);
    const after = this.#after.subarray(0, before.length);
    after.set(before);
    after.set(this.#pending.subarray(0, this.#filledBytes), this.#startBytes - firstBytes);
    for (const [start, end] of differingRuns(before, after)) {
      await this.#device.write(firstBytes + start, after.subarray(start, end));
    }
    // The run counts as written only now: after an error it is still to be written.
    this.#filledBytes = 0;
  }
}

/** Runs of whole pages in which the two differ. */
function* differingRuns(before: Uint8Array, after: Uint8Array): Generator<[start: number, end: number]> {
  let runStart: number | undefined;
  for (let start = 0; start < after.length; start += PAGE_BYTES) {
    const end = Math.min(start + PAGE_BYTES, after.length);
    const same = Buffer.compare(before.subarray(start, end), after.subarray(start, end)) === 0;
    if (!same) runStart ??= start;
    else if (runStart !== undefined) {
      yield [runStart, start];
      runStart = undefined;
    }
  }
  if (runStart !== undefined) yield [runStart, after.length];
}
