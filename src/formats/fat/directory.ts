// Directories as bytes: entries read, entries made, and where a change has to be written so that it is there
// wholly or not at all. Microsoft FAT32 File System Specification 1.03, sections "FAT Directory Structure"
// and "FAT Long Directory Entries".

import type { FatType } from './boot-sector.ts';
import { decodeShortName, needsLongName, SHORT_NAME_BYTES, shortNameChecksum } from './names.ts';
import { decodeFatTime, encodeFatTime } from './timestamps.ts';

// Short entry:
//   0   11  DIR_Name; first byte 00 = free and so are all behind it, e5 = free
//   11   1  DIR_Attr
//   12   1  DIR_NTRes, case bits
//   13   1  DIR_CrtTimeTenth (hundredths, whatever it is called)
//   14   2  DIR_CrtTime
//   16   2  DIR_CrtDate
//   18   2  DIR_LstAccDate
//   20   2  DIR_FstClusHI
//   22   2  DIR_WrtTime
//   24   2  DIR_WrtDate
//   26   2  DIR_FstClusLO
//   28   4  DIR_FileSize
// Long entry; they stand before the short entry, last part first:
//   0    1  LDIR_Ord, number of the part from 1; 40 marks the last part
//   1   10  LDIR_Name1, five UTF-16 units
//   11   1  LDIR_Attr = 0f
//   12   1  LDIR_Type = 0
//   13   1  LDIR_Chksum of the short name
//   14  12  LDIR_Name2, six units
//   26   2  LDIR_FstClusLO = 0
//   28   4  LDIR_Name3, two units
export const SLOT_BYTES = 32;
/** What the specification allows; it also bounds what a damaged directory makes us read. */
export const MAX_DIRECTORY_BYTES = 65536 * SLOT_BYTES;

export const ATTRIBUTE = { readOnly: 0x01, label: 0x08, directory: 0x10, archive: 0x20 } as const;
const LONG_NAME = 0x0f;
const ATTRIBUTE_MASK = 0x3f;
const LAST_PART = 0x40;
const UNITS_PER_PART = 13;
const UNIT_OFFSETS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;
const MAX_PARTS = 20;

const END = 0x00;
const DELETED = 0xe5;

export interface DirectoryEntry {
  name: string;
  /** Name as stored: eleven bytes, one character each. */
  shortName: string;
  attributes: number;
  firstCluster: number;
  sizeBytes: number;
  modifiedSec: number;
  /** Slots of this entry, long name included: `firstSlot` to `shortSlot`. */
  firstSlot: number;
  shortSlot: number;
}

export function isDirectory(entry: DirectoryEntry): boolean {
  return (entry.attributes & ATTRIBUTE.directory) !== 0;
}

/** Collects the parts of a long name; anything out of order makes it forget them. */
class LongName {
  #parts: string[] = [];
  #missing = 0;
  #checksum = 0;
  firstSlot = 0;

  add(bytes: Uint8Array, view: DataView, slot: number): void {
    const order = bytes[0]! & ~LAST_PART;
    if (bytes[0]! & LAST_PART) {
      this.#parts = [];
      this.#missing = order <= MAX_PARTS ? order : 0;
      this.#checksum = bytes[13]!;
      this.firstSlot = slot;
    }
    if (this.#missing === 0 || order !== this.#missing || bytes[13] !== this.#checksum) {
      this.forget();
      return;
    }
    this.#parts.unshift(String.fromCharCode(...UNIT_OFFSETS.map((offset) => view.getUint16(offset, true))));
    this.#missing -= 1;
  }

  forget(): void {
    this.#parts = [];
    this.#missing = 0;
  }

  /** The name for this short entry, if all its parts were there. */
  take(shortName: Uint8Array): string | undefined {
    const complete = this.#parts.length > 0 && this.#missing === 0;
    const matches = complete && this.#checksum === shortNameChecksum(shortName);
    const padded = this.#parts.join('');
    this.forget();
    if (!matches) return undefined;
    const end = padded.indexOf('\0');
    return (end < 0 ? padded : padded.slice(0, end)) || undefined;
  }
}

/** All files and directories in it, without `.`, `..` and the volume label. */
export function decodeDirectory(directory: Uint8Array, type: FatType): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const longName = new LongName();
  const slotCount = Math.floor(directory.length / SLOT_BYTES);
  for (let slot = 0; slot < slotCount; slot++) {
    const bytes = directory.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES);
    if (bytes[0] === END) break;
    const view = new DataView(bytes.buffer, bytes.byteOffset, SLOT_BYTES);
    const attributes = bytes[11]! & ATTRIBUTE_MASK;
    if (bytes[0] === DELETED) {
      longName.forget();
      continue;
    }
    if (attributes === LONG_NAME) {
      longName.add(bytes, view, slot);
      continue;
    }
    const shortBytes = bytes.subarray(0, SHORT_NAME_BYTES);
    const shortName = String.fromCharCode(...shortBytes);
    const longFirstSlot = longName.firstSlot;
    const long = longName.take(shortBytes);
    if ((attributes & ATTRIBUTE.label) !== 0 || /^\.\.? *$/.test(shortName)) continue;
    entries.push({
      name: long ?? decodeShortName(shortBytes, bytes[12]!),
      shortName,
      attributes,
      // FAT16 has no upper half; other systems kept other things there.
      firstCluster: view.getUint16(26, true) + (type === 'fat32' ? view.getUint16(20, true) * 0x10000 : 0),
      sizeBytes: view.getUint32(28, true),
      modifiedSec: decodeFatTime(view.getUint16(24, true), view.getUint16(22, true)),
      firstSlot: long === undefined ? slot : longFirstSlot,
      shortSlot: slot,
    });
  }
  return entries;
}

export interface NewEntry {
  name: string;
  shortName: string;
  attributes: number;
  firstCluster: number;
  sizeBytes: number;
  timestampSec: number;
}

function encodeShortEntry(entry: NewEntry): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  for (let i = 0; i < SHORT_NAME_BYTES; i++) bytes[i] = entry.shortName.charCodeAt(i);
  bytes[11] = entry.attributes;
  const view = new DataView(bytes.buffer);
  const created = encodeFatTime(entry.timestampSec);
  view.setUint8(13, created.hundredths);
  view.setUint16(14, created.time, true);
  view.setUint16(16, created.date, true);
  putContent(view, entry);
  return bytes;
}

/** The fields that change when a file gets new content. */
function putContent(
  view: DataView,
  entry: Pick<NewEntry, 'firstCluster' | 'sizeBytes' | 'timestampSec'>,
): void {
  const modified = encodeFatTime(entry.timestampSec);
  view.setUint16(18, modified.date, true);
  view.setUint16(20, entry.firstCluster >>> 16, true);
  view.setUint16(22, modified.time, true);
  view.setUint16(24, modified.date, true);
  view.setUint16(26, entry.firstCluster & 0xffff, true);
  view.setUint32(28, entry.sizeBytes, true);
}

/** How many slots a file of this name takes. */
export function countSlots(name: string, shortName: string): number {
  return needsLongName(name, shortName) ? Math.ceil(name.length / UNITS_PER_PART) + 1 : 1;
}

/** One file's slots: the parts of its long name if it needs one, then the short entry. */
export function encodeEntry(entry: NewEntry): Uint8Array {
  const short = encodeShortEntry(entry);
  const partCount = countSlots(entry.name, entry.shortName) - 1;
  const bytes = new Uint8Array((partCount + 1) * SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  const checksum = shortNameChecksum(short.subarray(0, SHORT_NAME_BYTES));
  for (let part = partCount; part >= 1; part--) {
    const offset = (partCount - part) * SLOT_BYTES;
    view.setUint8(offset, part === partCount ? part | LAST_PART : part);
    view.setUint8(offset + 11, LONG_NAME);
    view.setUint8(offset + 13, checksum);
    for (const [i, unitOffset] of UNIT_OFFSETS.entries()) {
      const position = (part - 1) * UNITS_PER_PART + i;
      // Behind the name comes one NUL, then ff to the end of the part; a name that fills its part has neither.
      const padding = position === entry.name.length ? 0 : 0xffff;
      const unit = position < entry.name.length ? entry.name.charCodeAt(position) : padding;
      view.setUint16(offset + unitOffset, unit, true);
    }
  }
  bytes.set(short, partCount * SLOT_BYTES);
  return bytes;
}

/** The two entries that every directory but the root begins with; the root's own number is always 0 there. */
export function encodeDotEntries(own: number, parent: number, timestampSec: number): Uint8Array {
  const bytes = new Uint8Array(2 * SLOT_BYTES);
  const common = { attributes: ATTRIBUTE.directory, sizeBytes: 0, timestampSec };
  bytes.set(encodeShortEntry({ ...common, name: '.', shortName: '.'.padEnd(11), firstCluster: own }));
  bytes.set(
    encodeShortEntry({ ...common, name: '..', shortName: '..'.padEnd(11), firstCluster: parent }),
    SLOT_BYTES,
  );
  return bytes;
}

export function encodeLabelEntry(label: string, timestampSec: number): Uint8Array {
  return encodeShortEntry({
    name: label,
    shortName: label.padEnd(SHORT_NAME_BYTES),
    attributes: ATTRIBUTE.label,
    firstCluster: 0,
    sizeBytes: 0,
    timestampSec,
  });
}

/** A directory's new bytes, and the sectors of it to write, in this order; the last one makes it visible. */
export interface DirectoryChange {
  bytes: Uint8Array;
  sectors: readonly number[];
}

/** Sectors of a directory to write, in this order; those of a step may come in any. */
export type DirectorySteps = readonly (readonly number[])[];

/**
 * For many changes at once, none of whose entries lies across two sectors: each sector that readers see is one state or the
 * other by itself, and what is new behind the end mark is seen when that moves, which is the last step.
 */
export function planSteps(before: Uint8Array, after: Uint8Array, sectorBytes: number): DirectorySteps {
  const atEnd = Math.floor((endOf(before) * SLOT_BYTES) / sectorBytes);
  const sectors = Array.from({ length: after.length / sectorBytes }, (_, index) => index);
  const grown = new Uint8Array(after.length);
  grown.set(before);
  const changed = sectors.filter((index) => {
    const [start, end] = [index * sectorBytes, (index + 1) * sectorBytes];
    return Buffer.compare(grown.subarray(start, end), after.subarray(start, end)) !== 0;
  });
  const steps = [changed.filter((index) => index !== atEnd), changed.filter((index) => index === atEnd)];
  return steps.filter((step) => step.length > 0);
}

/** Points an existing file to other content: always one sector. */
export function planContentChange(
  directory: Uint8Array,
  sectorBytes: number,
  entry: DirectoryEntry,
  content: Pick<NewEntry, 'firstCluster' | 'sizeBytes' | 'timestampSec'>,
): DirectoryChange {
  const bytes = directory.slice();
  putContent(new DataView(bytes.buffer, entry.shortSlot * SLOT_BYTES, SLOT_BYTES), content);
  return { bytes, sectors: [Math.floor((entry.shortSlot * SLOT_BYTES) / sectorBytes)] };
}

export function planRemoval(
  directory: Uint8Array,
  sectorBytes: number,
  entry: DirectoryEntry,
): DirectoryChange {
  const bytes = directory.slice();
  const sectors = new Set<number>();
  // The short entry goes first, then the ones before it: without it the parts of the name mean nothing.
  for (let slot = entry.shortSlot; slot >= entry.firstSlot; slot--) {
    bytes[slot * SLOT_BYTES] = DELETED;
    sectors.add(Math.floor((slot * SLOT_BYTES) / sectorBytes));
  }
  return { bytes, sectors: [...sectors] };
}

/** Number of slots before the end mark. */
function endOf(directory: Uint8Array): number {
  const slotCount = directory.length / SLOT_BYTES;
  let end = 0;
  while (end < slotCount && directory[end * SLOT_BYTES] !== END) end++;
  return end;
}

/** First of `count` free slots before the end mark, inside one sector if they fit into one; else undefined. */
function findDeletedRun(
  directory: Uint8Array,
  end: number,
  count: number,
  perSector: number,
): number | undefined {
  for (let slot = 0, run = 0; slot < end; slot++) {
    if (count <= perSector && slot % perSector === 0) run = 0;
    run = directory[slot * SLOT_BYTES] === DELETED ? run + 1 : 0;
    if (run === count) return slot - count + 1;
  }
  return undefined;
}

/**
 * Adds an entry (as encodeEntry makes it); undefined when the directory has to grow first. One sector write
 * makes it visible wherever the name is short enough for the entry to lie in one sector.
 */
export function planInsertion(
  directory: Uint8Array,
  sectorBytes: number,
  entry: Uint8Array,
): DirectoryChange | undefined {
  const perSector = sectorBytes / SLOT_BYTES;
  const count = entry.length / SLOT_BYTES;
  const slotCount = directory.length / SLOT_BYTES;
  const end = endOf(directory);
  const bytes = directory.slice();
  const reused = findDeletedRun(directory, end, count, perSector);
  if (reused !== undefined) {
    bytes.set(entry, reused * SLOT_BYTES);
    // The short entry's sector last: until then there is only a part of a name, which readers skip.
    return { bytes, sectors: sectorsOf(reused, reused + count - 1, perSector) };
  }
  const left = perSector - (end % perSector);
  const first = count <= perSector && count > left ? end + left : end;
  const behind = first + count;
  if (behind > slotCount) return undefined;
  for (let slot = end; slot < first; slot++) bytes[slot * SLOT_BYTES] = DELETED;
  bytes.set(entry, first * SLOT_BYTES);
  // What lies behind the end mark may be anything, and must not come to life when the mark moves.
  const wiped = Math.min(Math.ceil((behind + 1) / perSector) * perSector, slotCount);
  bytes.fill(0, behind * SLOT_BYTES, wiped * SLOT_BYTES);
  // Backwards: nothing behind the old end mark is seen until its own sector is written.
  return { bytes, sectors: sectorsOf(end, wiped - 1, perSector).reverse() };
}

function sectorsOf(firstSlot: number, lastSlot: number, perSector: number): number[] {
  const first = Math.floor(firstSlot / perSector);
  return Array.from({ length: Math.floor(lastSlot / perSector) - first + 1 }, (_, i) => first + i);
}
