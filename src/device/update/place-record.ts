// A record at the end of the root partition that an update writes: where in this partition chunks lie, or will lie
// once they have arrived. It is what makes an update that was cut off useful to the next one, even if that is of
// another build. Its entries are hints: whoever uses one hashes the bytes. A lost record costs a transfer, no more.
//
// There are two areas, used in turn, so that a power cut while one is written leaves the other. Little-endian:
//   0  8  magic "TSKPLACE"
//   8  4  version, 1
//   12 4  number of entries
//   16 8  generation; of two whole records the later one counts
//   24 32 SHA-256 of bytes 8 to 23 and the entries
//   56 .. entries: 32 SHA-256 of the chunk, 8 offset in the partition, 4 length

import { createHash } from 'node:crypto';
import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import { UPDATE_RECORD_BYTES } from '../../shared/board/disk-layout.ts';
import { PAGE_BYTES } from './page-writer.ts';

export interface ChunkPlace {
  sha256: string;
  offsetBytes: number;
  lengthBytes: number;
}

export interface PlaceRecord {
  generation: number;
  places: readonly ChunkPlace[];
  /** Which of the areas it is in. */
  area: 0 | 1;
}

const MAGIC = Buffer.from('TSKPLACE');
const VERSION = 1;
const HEADER_BYTES = 56;
const SUM_OFFSET = 24;
const ENTRY_BYTES = 44;
/** Room for 23 000 chunks, which is more than an image of 1 GB has. */
const MAX_AREA_BYTES = UPDATE_RECORD_BYTES / 2;
/** Share of a smaller partition that each area takes. */
const AREA_SHARE = 1 / 256;

function areaBytes(partitionBytes: number): number {
  const pages = Math.ceil((partitionBytes * AREA_SHARE) / PAGE_BYTES);
  return Math.min(MAX_AREA_BYTES, pages * PAGE_BYTES);
}

/** Start of the record's areas: an image and what is kept aside must end there. May be negative. */
export function recordOffset(partitionBytes: number): number {
  const wholePages = Math.floor(partitionBytes / PAGE_BYTES) * PAGE_BYTES;
  return wholePages - 2 * areaBytes(partitionBytes);
}

function areaOffset(partitionBytes: number, area: 0 | 1): number {
  return recordOffset(partitionBytes) + area * areaBytes(partitionBytes);
}

/** How many places fit. */
export function recordCapacity(partitionBytes: number): number {
  return Math.floor((areaBytes(partitionBytes) - HEADER_BYTES) / ENTRY_BYTES);
}

/** The record that counts; undefined when there is no whole one. */
export async function readPlaceRecord(partition: ByteSource): Promise<PlaceRecord | undefined> {
  if (recordOffset(partition.sizeBytes) < 0) return undefined;
  const records = [await readArea(partition, 0), await readArea(partition, 1)];
  const whole = records.filter((record) => record !== undefined);
  return whole.toSorted((x, y) => y.generation - x.generation)[0];
}

async function readArea(partition: ByteSource, area: 0 | 1): Promise<PlaceRecord | undefined> {
  const offsetBytes = areaOffset(partition.sizeBytes, area);
  const header = Buffer.from(await partition.read(offsetBytes, HEADER_BYTES));
  const count = header.readUInt32LE(12);
  const known = header.subarray(0, 8).equals(MAGIC) && header.readUInt32LE(8) === VERSION;
  if (!known || count > recordCapacity(partition.sizeBytes)) return undefined;
  const entries = Buffer.from(await partition.read(offsetBytes + HEADER_BYTES, count * ENTRY_BYTES));
  if (!sumOf(header, entries).equals(header.subarray(SUM_OFFSET, HEADER_BYTES))) return undefined;
  const places: ChunkPlace[] = [];
  for (let start = 0; start < entries.length; start += ENTRY_BYTES) {
    places.push({
      sha256: entries.toString('hex', start, start + 32),
      offsetBytes: Number(entries.readBigUInt64LE(start + 32)),
      lengthBytes: entries.readUInt32LE(start + 40),
    });
  }
  return { generation: Number(header.readBigUInt64LE(16)), places, area };
}

function sumOf(header: Uint8Array, entries: Uint8Array): Buffer {
  return createHash('sha256').update(header.subarray(8, SUM_OFFSET)).update(entries).digest();
}

/** Puts a record in the place of the one before `latest`. What does not fit is left out, from the end. */
export async function writePlaceRecord(
  partition: ByteDevice,
  places: readonly ChunkPlace[],
  latest: PlaceRecord | undefined,
): Promise<PlaceRecord> {
  const fitting = places.slice(0, recordCapacity(partition.sizeBytes));
  const area = latest?.area === 0 ? 1 : 0;
  const generation = (latest?.generation ?? 0) + 1;
  const bytes = Buffer.alloc(HEADER_BYTES + fitting.length * ENTRY_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(fitting.length, 12);
  bytes.writeBigUInt64LE(BigInt(generation), 16);
  for (const [i, { sha256, offsetBytes, lengthBytes }] of fitting.entries()) {
    const start = HEADER_BYTES + i * ENTRY_BYTES;
    bytes.write(sha256, start, 'hex');
    bytes.writeBigUInt64LE(BigInt(offsetBytes), start + 32);
    bytes.writeUInt32LE(lengthBytes, start + 40);
  }
  sumOf(bytes, bytes.subarray(HEADER_BYTES)).copy(bytes, SUM_OFFSET);
  await partition.write(areaOffset(partition.sizeBytes, area), bytes);
  await partition.flush?.();
  return { generation, places: fitting, area };
}

/** Has to be called when the image is whole: there is nothing to go on with. */
export async function erasePlaceRecords(partition: ByteDevice): Promise<void> {
  for (const area of [0, 1] as const) {
    await partition.write(areaOffset(partition.sizeBytes, area), new Uint8Array(HEADER_BYTES));
  }
  await partition.flush?.();
}
