// The writing end of the data area: blocks are packed side by side and written one after the other, in the
// order in which they were added. A bounded number of bytes is in flight; when the sink or a block fails,
// nothing more is written and everyone who adds or finishes learns of it.

import type { ByteSink } from '../byte-source.ts';
import { ByteBudget } from './byte-budget.ts';

/** A block as it lies in the image. */
export interface StoredBlock {
  /** Size of the block, with `BLOCK_UNCOMPRESSED` if it is stored as it is. */
  word: number;
  bytes: Uint8Array;
}

export class BlockOutput {
  readonly #sink: ByteSink;
  readonly #budget: ByteBudget;
  #position: number;
  #tail: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(sink: ByteSink, startBytes: number, budgetBytes: number) {
    this.#sink = sink;
    this.#position = startBytes;
    this.#budget = new ByteBudget(budgetBytes);
  }

  /** Resolves as soon as there is room for more, long before the block is written. */
  async add(
    sizeBytes: number,
    pack: () => Promise<StoredBlock>,
    onWritten: (block: StoredBlock, startBytes: number) => void,
  ): Promise<void> {
    await this.#budget.acquire(sizeBytes);
    if (this.#hasFailed) {
      this.#budget.release(sizeBytes);
      return this.#tail;
    }
    const packing = pack();
    packing.catch(() => {}); // Seen below, unless a block before this one has failed already.
    this.#enqueue(async () => {
      const block = await packing;
      const startBytes = this.#position;
      await this.#sink.write(startBytes, block.bytes);
      this.#position += block.bytes.length;
      onWritten(block, startBytes);
    });
    this.#tail = this.#tail.finally(() => this.#budget.release(sizeBytes));
    this.#tail.catch(() => {});
  }

  /** Runs `act` when all that was added before is written. */
  whenReached(act: (positionBytes: number) => void | Promise<void>): void {
    this.#enqueue(async () => act(this.#position));
  }

  /** Resolves with the position after the last block, when all are written. */
  async finish(): Promise<number> {
    await this.#tail;
    return this.#position;
  }

  /** Waits until nothing is in flight, whatever has become of it. */
  async settle(): Promise<void> {
    await this.#tail.catch(() => {});
  }

  #enqueue(step: () => Promise<void>): void {
    this.#tail = this.#tail.then(step);
    this.#tail.catch(() => {
      this.#hasFailed = true;
    });
  }
}
