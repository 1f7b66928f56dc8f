// The part of a root partition that no image needs, while it is handed out: whole pages, from the end, because a
// larger image may come to need the beginning.

import { PAGE_BYTES } from './page-writer.ts';

export class FreeSpace {
  /** Ascending. */
  readonly #gaps: { startBytes: number; endBytes: number }[];

  constructor(startBytes: number, endBytes: number) {
    this.#gaps = endBytes > startBytes ? [{ startBytes, endBytes }] : [];
  }

  /** Keeps what lies there. */
  reserve(offsetBytes: number, lengthBytes: number): void {
    const endBytes = offsetBytes + lengthBytes;
    const index = this.#gaps.findIndex((gap) => gap.startBytes < endBytes && offsetBytes < gap.endBytes);
    if (index === -1) return;
    const gap = this.#gaps[index]!;
    const parts = [
      { startBytes: gap.startBytes, endBytes: offsetBytes },
      { startBytes: endBytes, endBytes: gap.endBytes },
    ];
    this.#gaps.splice(index, 1, ...parts.filter((part) => part.endBytes > part.startBytes));
    // What is kept may reach into the next gap.
    this.reserve(offsetBytes, lengthBytes);
  }

  /** An offset for so many bytes; undefined when there is no room. */
  take(lengthBytes: number): number | undefined {
    for (const gap of this.#gaps.toReversed()) {
      const offsetBytes = Math.floor((gap.endBytes - lengthBytes) / PAGE_BYTES) * PAGE_BYTES;
      if (offsetBytes < gap.startBytes) continue;
      gap.endBytes = offsetBytes;
      return offsetBytes;
    }
    return undefined;
  }
}
