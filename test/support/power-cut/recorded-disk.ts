// A disk image and what was written to it since (write-log.ts): its states after power cuts. What was flushed is
// there; of what was not, a policy says which sectors are. A sector of 512 bytes is written whole or not at all.
//
// Only what differs from the image is held in memory, so that thousands of states cost little.

import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { ByteSource } from '../../../src/formats/byte-source.ts';
import type { LogEntry, LoggedDiscard, LoggedWrite, WriteLog } from './write-log.ts';

const PAGE_BYTES = 64 * 1024;
const SECTOR_BYTES = 512;
const ZEROS = Buffer.alloc(PAGE_BYTES);
/** 128 MiB. */
const MAX_IMAGE_PAGES = 2048;

/** What has reached the medium of writes that no flush has made sure of. */
export type CutPolicy =
  | { kind: 'all' }
  | { kind: 'none' }
  /** The last write, and nothing of what came before it. */
  | { kind: 'last' }
  /** Each write or none of it, and one of two that overlap may win over the other. */
  | { kind: 'subset'; seed: number }
  /** Each sector of each write. */
  | { kind: 'torn'; seed: number };

type Change = LoggedWrite | LoggedDiscard;

interface Page {
  bytes: Uint8Array;
  /** Number of the entry that changed it last; what a range of pages holds is known by their highest. */
  version: number;
}

/** Valid until its disk goes on. */
export interface DiskState extends ByteSource {
  /** Alike for two states only if they have the same bytes there; undefined: not to be compared. */
  versionOf(offsetBytes: number, lengthBytes: number): number | undefined;
  /** Writes a part of it to a file, sparsely. */
  save(path: string, offsetBytes: number, lengthBytes: number): void;
}

export class RecordedDisk {
  readonly sizeBytes: number;
  readonly #log: WriteLog;
  readonly #fd: number;
  readonly #pages = new Map<number, Page>();
  /** Whether pages of the image are not all zero, of those that were asked for. */
  readonly #isFilled = new Map<number, boolean>();
  readonly #probe = new Uint8Array(PAGE_BYTES);
  /** Pages of the image that were read, as they are there: each state reads much the same ones. */
  readonly #imagePages = new Map<number, Uint8Array>();
  /** Entries that no flush has made sure of begin here. */
  #flushed = 0;

  /** `imagePath`: the disk as it was when the recording began. */
  constructor(imagePath: string, log: WriteLog) {
    this.#log = log;
    this.#fd = openSync(imagePath, 'r');
    this.sizeBytes = fstatSync(this.#fd).size;
  }

  /** Number of the first entry that is not on the medium for sure. */
  get flushed(): number {
    return this.#flushed;
  }

  /** Goes on behind the next flush; false at the end of the log. */
  advance(): boolean {
    const flush = this.#log.entries.findIndex(
      (entry, index) => index >= this.#flushed && entry.kind === 'flush',
    );
    if (flush < 0) return false;
    for (let index = this.#flushed; index < flush; index++) this.#make(index);
    this.#flushed = flush + 1;
    return true;
  }

  /** The power goes when the entries before number `end` were on their way. */
  cut(end: number, policy: CutPolicy): DiskState {
    const changes = this.#log.entries.slice(this.#flushed, end).filter(isChange);
    const overlay = new Map<number, Uint8Array>();
    const pageFor = (number: number): Uint8Array => {
      let page = overlay.get(number);
      if (!page) overlay.set(number, (page = this.#durablePage(number).slice()));
      return page;
    };
    for (const { change, isThere } of whatIsThere(changes, policy)) this.#apply(change, pageFor, isThere);
    return new CutDisk(this, overlay);
  }

  /** Bytes that are on the medium for sure. */
  readDurable(offsetBytes: number, into: Uint8Array): void {
    forPages(offsetBytes, into.length, (number, inPage, done, length) => {
      const page = this.#pages.get(number);
      if (page) into.set(page.bytes.subarray(inPage, inPage + length), done);
      else into.set(this.#imagePage(number).subarray(inPage, inPage + length), done);
    });
  }

  /** False: the page is all zero. */
  mayHoldSomething(page: number): boolean {
    if (this.#pages.has(page)) return true;
    let isFilled = this.#isFilled.get(page);
    if (isFilled === undefined) {
      isFilled = !ZEROS.equals(this.#readImagePage(page, this.#probe));
      this.#isFilled.set(page, isFilled);
    }
    return isFilled;
  }

  durableVersion(offsetBytes: number, lengthBytes: number): number {
    let version = -1;
    for (const [number, page] of this.#pages)
      if (isPageOf(number, offsetBytes, lengthBytes)) version = Math.max(version, page.version);
    return version;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #make(index: number): void {
    const entry = this.#log.entries[index]!;
    if (!isChange(entry)) return;
    const pageFor = (number: number): Uint8Array => {
      let page = this.#pages.get(number);
      if (!page)
        this.#pages.set(number, (page = { bytes: this.#durablePage(number).slice(), version: index }));
      page.version = index;
      return page.bytes;
    };
    this.#apply(entry, pageFor, undefined);
  }

  #apply(
    change: Change,
    pageFor: (number: number) => Uint8Array,
    isThere: ((sector: number) => boolean) | undefined,
  ): void {
    // A discard of sectors on this kind of disk leaves zeros.
    const data = change.kind === 'write' ? this.#log.dataOf(change) : new Uint8Array(change.lengthBytes);
    const step = isThere ? SECTOR_BYTES : change.lengthBytes;
    for (let at = 0; at < change.lengthBytes; at += step) {
      if (isThere && !isThere(at / SECTOR_BYTES)) continue;
      forPages(change.offsetBytes + at, step, (number, inPage, done, length) => {
        pageFor(number).set(data.subarray(at + done, at + done + length), inPage);
      });
    }
  }

  /** Not to be changed. */
  #durablePage(number: number): Uint8Array {
    return this.#pages.get(number)?.bytes ?? this.#imagePage(number);
  }

  /** Not to be changed. */
  #imagePage(number: number): Uint8Array {
    const known = this.#imagePages.get(number);
    if (known !== undefined) return known;
    const bytes = this.#readImagePage(number, new Uint8Array(PAGE_BYTES));
    if (this.#imagePages.size >= MAX_IMAGE_PAGES) this.#imagePages.clear();
    this.#imagePages.set(number, bytes);
    return bytes;
  }

  /** What lies behind the end of the image is zero. */
  #readImagePage(number: number, into: Uint8Array): Uint8Array {
    const end = Math.min(PAGE_BYTES, this.sizeBytes - number * PAGE_BYTES);
    into.fill(0, end);
    for (let done = 0; done < end;) {
      const read = readSync(this.#fd, into, done, end - done, number * PAGE_BYTES + done);
      if (read === 0) throw new RangeError(`The disk image ends in its page ${number}`);
      done += read;
    }
    return into;
  }
}

class CutDisk implements DiskState {
  readonly sizeBytes: number;
  readonly #disk: RecordedDisk;
  readonly #overlay: ReadonlyMap<number, Uint8Array>;

  constructor(disk: RecordedDisk, overlay: ReadonlyMap<number, Uint8Array>) {
    this.sizeBytes = disk.sizeBytes;
    this.#disk = disk;
    this.#overlay = overlay;
  }

  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes + lengthBytes > this.sizeBytes) {
      throw new RangeError(`Cannot read ${lengthBytes} bytes at ${offsetBytes}: there are ${this.sizeBytes}`);
    }
    return this.#readSync(offsetBytes, lengthBytes);
  }

  versionOf(offsetBytes: number, lengthBytes: number): number | undefined {
    const isOverlaid = this.#overlay.keys().some((number) => isPageOf(number, offsetBytes, lengthBytes));
    return isOverlaid ? undefined : this.#disk.durableVersion(offsetBytes, lengthBytes);
  }

  save(path: string, offsetBytes: number, lengthBytes: number): void {
    const fd = openSync(path, 'w');
    try {
      ftruncateSync(fd, lengthBytes);
      forPages(offsetBytes, lengthBytes, (number, _inPage, done, length) => {
        if (!this.#overlay.has(number) && !this.#disk.mayHoldSomething(number)) return;
        writeSync(fd, this.#readSync(offsetBytes + done, length), 0, length, done);
      });
    } finally {
      closeSync(fd);
    }
  }

  #readSync(offsetBytes: number, lengthBytes: number): Uint8Array {
    // All of it is written here: to fill it with zeros first is half of what this costs.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(lengthBytes).buffer);
    this.#disk.readDurable(offsetBytes, bytes);
    forPages(offsetBytes, lengthBytes, (number, inPage, done, length) => {
      const page = this.#overlay.get(number);
      if (page) bytes.set(page.subarray(inPage, inPage + length), done);
    });
    return bytes;
  }
}

function isChange(entry: LogEntry): entry is Change {
  return entry.kind !== 'flush';
}

/** Changes in the order in which they reach the medium, and which of their sectors do; absent: all. */
function whatIsThere(
  changes: readonly Change[],
  policy: CutPolicy,
): { change: Change; isThere: ((sector: number) => boolean) | undefined }[] {
  if (policy.kind === 'none') return [];
  if (policy.kind === 'all' || policy.kind === 'last') {
    const chosen = policy.kind === 'all' ? changes : changes.slice(-1);
    return chosen.map((change) => ({ change, isThere: undefined }));
  }
  const random = seededRandom(policy.seed);
  if (policy.kind === 'torn') {
    return shuffled(changes, random).map((change) => ({ change, isThere: () => random() < 0.5 }));
  }
  const chosen = changes.filter(() => random() < 0.5);
  return shuffled(chosen, random).map((change) => ({ change, isThere: undefined }));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** mulberry32: numbers from 0 to 1 that depend on the seed alone. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function isPageOf(number: number, offsetBytes: number, lengthBytes: number): boolean {
  return (number + 1) * PAGE_BYTES > offsetBytes && number * PAGE_BYTES < offsetBytes + lengthBytes;
}

/** For each page of a stretch: its number, where in it to begin, how much of the stretch is done, how much to do. */
function forPages(
  offsetBytes: number,
  lengthBytes: number,
  visit: (number: number, inPage: number, done: number, length: number) => void,
): void {
  for (let done = 0; done < lengthBytes;) {
    const position = offsetBytes + done;
    const inPage = position % PAGE_BYTES;
    const length = Math.min(PAGE_BYTES - inPage, lengthBytes - done);
    visit(Math.floor(position / PAGE_BYTES), inPage, done, length);
    done += length;
  }
}
