// A disk in memory for tests: large ones cost only what was written, writes and flushes can be logged sector
// by sector, and the log replayed up to a power cut.

import type { ByteDevice } from '../../../src/formats/byte-source.ts';

const PAGE_BYTES = 64 * 1024;
const SECTOR_BYTES = 512;

export interface SectorWrite {
  sector: number;
  bytes: Uint8Array;
}
/** Writes split into sectors, as a power cut may fall between any two of them. */
export type DeviceLog = (SectorWrite | 'flush')[];

export class SparseDevice implements ByteDevice {
  readonly sizeBytes: number;
  readonly log: DeviceLog = [];
  readonly #pages = new Map<number, Uint8Array>();

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  /** The same content with an empty log. */
  clone(): SparseDevice {
    const copy = new SparseDevice(this.sizeBytes);
    for (const [number, page] of this.#pages) copy.#pages.set(number, page.slice());
    return copy;
  }

  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    this.#check(offsetBytes, lengthBytes);
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes;) {
      const position = offsetBytes + done;
      const inPage = position % PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - inPage, lengthBytes - done);
      const page = this.#pages.get(Math.floor(position / PAGE_BYTES));
      if (page) bytes.set(page.subarray(inPage, inPage + length), done);
      done += length;
    }
    return bytes;
  }

  async write(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    this.#check(offsetBytes, bytes.length);
    this.poke(offsetBytes, bytes);
    for (let done = 0; done < bytes.length; done += SECTOR_BYTES) {
      const sector = (offsetBytes + done) / SECTOR_BYTES;
      if (Number.isInteger(sector) && done + SECTOR_BYTES <= bytes.length) {
        this.log.push({ sector, bytes: bytes.slice(done, done + SECTOR_BYTES) });
      } else {
        // Not whole sectors: what the medium gets is the sectors around it.
        const first = Math.floor((offsetBytes + done) / SECTOR_BYTES);
        const last = Math.floor(
          (offsetBytes + Math.min(done + SECTOR_BYTES, bytes.length) - 1) / SECTOR_BYTES,
        );
        for (let sector = first; sector <= last; sector++) {
          this.log.push({ sector, bytes: await this.read(sector * SECTOR_BYTES, SECTOR_BYTES) });
        }
      }
    }
  }

  async flush(): Promise<void> {
    this.log.push('flush');
  }

  /** All that was ever written, in pieces. */
  *written(): Generator<{ offsetBytes: number; bytes: Uint8Array }> {
    for (const [number, page] of this.#pages) {
      const offsetBytes = number * PAGE_BYTES;
      yield { offsetBytes, bytes: page.subarray(0, this.sizeBytes - offsetBytes) };
    }
  }

  /** Writes past the log. */
  poke(offsetBytes: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const position = offsetBytes + done;
      const number = Math.floor(position / PAGE_BYTES);
      const inPage = position % PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - inPage, bytes.length - done);
      let page = this.#pages.get(number);
      if (!page) this.#pages.set(number, (page = new Uint8Array(PAGE_BYTES)));
      page.set(bytes.subarray(done, done + length), inPage);
      done += length;
    }
  }

  /** Applies one logged write. */
  replay(entry: SectorWrite): void {
    this.poke(entry.sector * SECTOR_BYTES, entry.bytes);
  }

  #check(offsetBytes: number, lengthBytes: number): void {
    if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes + lengthBytes > this.sizeBytes) {
      throw new RangeError(
        `Cannot access ${lengthBytes} bytes at ${offsetBytes}: there are ${this.sizeBytes}`,
      );
    }
  }
}
