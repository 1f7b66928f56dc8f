// The GUID partition table: both copies written, either one read, in sectors of 512 or 4096 bytes.
// Leaves out: growing a table in place, entry arrays that are not 128 x 128 bytes when writing.
// UEFI specification 2.10, section 5.3.

import type { ByteSource } from './byte-source.ts';
import { crc32 } from './crc32.ts';
import { getGuid, putGuid } from './guid.ts';

export interface GptPartition {
  /** GUIDs are lower case with hyphens when read, any case when written. */
  typeGuid: string;
  guid: string;
  /** Name of at most 36 UTF-16 code units. */
  name: string;
  firstSector: number;
  /** Inclusive. */
  lastSector: number;
  /** Omitted means 0, and 0 is read back as omitted. */
  attributes?: bigint;
}

export interface Gpt {
  diskGuid: string;
  /** As the table has it: a table copied to a larger disk does not know of the sectors behind it. */
  diskSectors: number;
  sectorBytes: number;
  firstUsableSector: number;
  lastUsableSector: number;
  /** Index 0 is partition 1; `null` is an unused entry. Trailing unused entries are left out when read. */
  partitions: readonly (GptPartition | null)[];
}

/** Partition types (UEFI and the Discoverable Partitions Specification) that gokrazy's layout uses. */
export const PARTITION_TYPE = {
  efiSystem: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  rootAmd64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
  root386: '44479540-f297-41b2-9af7-d131d5f0458a',
  rootArm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
  linuxData: '0fc63daf-8483-4772-8e79-3d69d8477de4',
} as const;

// Header, one sector of which 92 bytes are used:
//   0   8  Signature "EFI PART"
//   8   4  Revision 00 00 01 00
//   12  4  HeaderSize
//   16  4  HeaderCRC32, computed with this field zero
//   20  4  Reserved
//   24  8  MyLBA
//   32  8  AlternateLBA
//   40  8  FirstUsableLBA
//   48  8  LastUsableLBA
//   56 16  DiskGUID
//   72  8  PartitionEntryLBA
//   80  4  NumberOfPartitionEntries
//   84  4  SizeOfPartitionEntry
//   88  4  PartitionEntryArrayCRC32
const SIGNATURE = 0x5452415020494645n;
const REVISION = 0x00010000;
const HEADER_BYTES = 92;
const HEADER_CRC_OFFSET = 16;

// Entry:
//   0  16  PartitionTypeGUID, zero = unused
//   16 16  UniquePartitionGUID
//   32  8  StartingLBA
//   40  8  EndingLBA
//   48  8  Attributes
//   56 72  PartitionName, UTF-16LE, NUL-padded
const ENTRY_BYTES = 128;
const ENTRY_COUNT = 128;
const NAME_OFFSET = 56;
const NAME_UNITS = 36;
/** More than any tool writes; bounds what a corrupt header can make us read. */
const MAX_ENTRY_COUNT = 1024;
const MAX_ENTRY_BYTES = 4096;

const PRIMARY_SECTOR = 1;
const SECTOR_SIZES = [512, 4096] as const;
const NIL_GUID = '00000000-0000-0000-0000-000000000000';

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// What both directions agree on: where partitions may lie.

function checkPartitions(gpt: Gpt, errorFor: (reason: string) => Error): void {
  const used = gpt.partitions
    .map((partition, index) => ({ partition, number: index + 1 }))
    .filter((entry): entry is { partition: GptPartition; number: number } => entry.partition !== null)
    .sort((x, y) => x.partition.firstSector - y.partition.firstSector);
  let previous: { lastSector: number; number: number } | undefined;
  for (const { partition, number } of used) {
    const { firstSector, lastSector } = partition;
    if (firstSector > lastSector) throw errorFor(`partition ${number} ends before it starts`);
    if (firstSector < gpt.firstUsableSector || lastSector > gpt.lastUsableSector) {
      throw errorFor(
        `partition ${number} (sectors ${firstSector} to ${lastSector}) lies outside the usable sectors ` +
          `${gpt.firstUsableSector} to ${gpt.lastUsableSector}`,
      );
    }
    if (previous && firstSector <= previous.lastSector) {
      throw errorFor(`partitions ${previous.number} and ${number} overlap`);
    }
    previous = { lastSector, number };
  }
}

// Writing

function encodeEntries(gpt: Gpt): Uint8Array {
  const bytes = new Uint8Array(ENTRY_COUNT * ENTRY_BYTES);
  const view = viewOf(bytes);
  for (const [index, partition] of gpt.partitions.entries()) {
    if (partition === null) continue;
    if (partition.name.length > NAME_UNITS) {
      throw new RangeError(
        `Cannot encode the GPT: the name "${partition.name}" has more than ${NAME_UNITS} characters`,
      );
    }
    const offset = index * ENTRY_BYTES;
    putGuid(bytes, offset, partition.typeGuid);
    putGuid(bytes, offset + 16, partition.guid);
    view.setBigUint64(offset + 32, BigInt(partition.firstSector), true);
    view.setBigUint64(offset + 40, BigInt(partition.lastSector), true);
    view.setBigUint64(offset + 48, partition.attributes ?? 0n, true);
    for (let i = 0; i < partition.name.length; i++) {
      view.setUint16(offset + NAME_OFFSET + 2 * i, partition.name.charCodeAt(i), true);
    }
  }
  return bytes;
}

interface HeaderPlace {
  mySector: number;
  alternateSector: number;
  entriesSector: number;
}

function encodeHeader(gpt: Gpt, entries: Uint8Array, place: HeaderPlace): Uint8Array {
  const bytes = new Uint8Array(gpt.sectorBytes);
  const view = viewOf(bytes);
  view.setBigUint64(0, SIGNATURE, true);
  view.setUint32(8, REVISION, true);
  view.setUint32(12, HEADER_BYTES, true);
  view.setBigUint64(24, BigInt(place.mySector), true);
  view.setBigUint64(32, BigInt(place.alternateSector), true);
  view.setBigUint64(40, BigInt(gpt.firstUsableSector), true);
  view.setBigUint64(48, BigInt(gpt.lastUsableSector), true);
  putGuid(bytes, 56, gpt.diskGuid);
  view.setBigUint64(72, BigInt(place.entriesSector), true);
  view.setUint32(80, ENTRY_COUNT, true);
  view.setUint32(84, ENTRY_BYTES, true);
  view.setUint32(88, crc32(entries), true);
  view.setUint32(HEADER_CRC_OFFSET, crc32(bytes.subarray(0, HEADER_BYTES)), true);
  return bytes;
}

function refuse(reason: string): RangeError {
  return new RangeError(`Cannot encode the GPT: ${reason}`);
}

function checkGeometry(gpt: Gpt, tableSectors: number): void {
  if (!SECTOR_SIZES.some((size) => size === gpt.sectorBytes)) {
    throw refuse(`sectors of ${gpt.sectorBytes} bytes are not supported`);
  }
  const numbers = [gpt.diskSectors, gpt.firstUsableSector, gpt.lastUsableSector];
  for (const partition of gpt.partitions) {
    if (partition === null) continue;
    numbers.push(partition.firstSector, partition.lastSector);
    if (partition.typeGuid === NIL_GUID) throw refuse('the nil type GUID marks an unused entry');
  }
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) {
    throw refuse('a sector number is not a whole number');
  }
  if (gpt.partitions.length > ENTRY_COUNT) {
    throw refuse(`there are ${gpt.partitions.length} partitions, and room for ${ENTRY_COUNT}`);
  }
  if (
    gpt.firstUsableSector < 1 + tableSectors ||
    gpt.lastUsableSector > gpt.diskSectors - 1 - tableSectors ||
    gpt.firstUsableSector > gpt.lastUsableSector
  ) {
    throw refuse(
      `usable sectors ${gpt.firstUsableSector} to ${gpt.lastUsableSector} leave no room for the tables ` +
        `on a disk of ${gpt.diskSectors} sectors`,
    );
  }
  checkPartitions(gpt, refuse);
}

export interface EncodedGpt {
  /** Bytes from sector 1 on: header, entries. With 512-byte sectors they are 33 sectors long. */
  primary: Uint8Array;
  /** The disk's last sectors, as many as `primary` has: entries, header. */
  backup: Uint8Array;
}

export function encodeGpt(gpt: Gpt): EncodedGpt {
  const entrySectors = Math.ceil((ENTRY_COUNT * ENTRY_BYTES) / gpt.sectorBytes);
  checkGeometry(gpt, 1 + entrySectors);
  const entries = encodeEntries(gpt);
  const lastSector = gpt.diskSectors - 1;
  const primary = new Uint8Array((1 + entrySectors) * gpt.sectorBytes);
  primary.set(
    encodeHeader(gpt, entries, {
      mySector: PRIMARY_SECTOR,
      alternateSector: lastSector,
      entriesSector: PRIMARY_SECTOR + 1,
    }),
  );
  primary.set(entries, gpt.sectorBytes);
  const backup = new Uint8Array(primary.length);
  backup.set(entries);
  backup.set(
    encodeHeader(gpt, entries, {
      mySector: lastSector,
      alternateSector: PRIMARY_SECTOR,
      entriesSector: lastSector - entrySectors,
    }),
    entrySectors * gpt.sectorBytes,
  );
  return { primary, backup };
}

// Reading

/** One header that cannot be used; the reader then tries the next place. */
class UnusableHeader extends SyntaxError {}

/** The only place where 64-bit numbers narrow: beyond 2^53 sectors there is no disk. */
function getSector(view: DataView, offset: number, field: string): number {
  const value = view.getBigUint64(offset, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new UnusableHeader(`${field} is ${value}`);
  return Number(value);
}

interface Header {
  mySector: number;
  alternateSector: number;
  firstUsableSector: number;
  lastUsableSector: number;
  diskGuid: string;
  entriesSector: number;
  entryCount: number;
  entryBytes: number;
  entriesCrc: number;
}

function decodeHeader(bytes: Uint8Array, expectedSector: number): Header {
  const view = viewOf(bytes);
  if (view.getBigUint64(0, true) !== SIGNATURE) throw new UnusableHeader('no signature "EFI PART"');
  const headerBytes = view.getUint32(12, true);
  if (headerBytes < HEADER_BYTES || headerBytes > bytes.length) {
    throw new UnusableHeader(`a header of ${headerBytes} bytes`);
  }
  const covered = bytes.slice(0, headerBytes);
  covered.fill(0, HEADER_CRC_OFFSET, HEADER_CRC_OFFSET + 4);
  if (crc32(covered) !== view.getUint32(HEADER_CRC_OFFSET, true)) {
    throw new UnusableHeader('the checksum of the header does not match');
  }
  const header: Header = {
    mySector: getSector(view, 24, 'MyLBA'),
    alternateSector: getSector(view, 32, 'AlternateLBA'),
    firstUsableSector: getSector(view, 40, 'FirstUsableLBA'),
    lastUsableSector: getSector(view, 48, 'LastUsableLBA'),
    diskGuid: getGuid(bytes, 56),
    entriesSector: getSector(view, 72, 'PartitionEntryLBA'),
    entryCount: view.getUint32(80, true),
    entryBytes: view.getUint32(84, true),
    entriesCrc: view.getUint32(88, true),
  };
  if (header.mySector !== expectedSector) throw new UnusableHeader(`it claims sector ${header.mySector}`);
  if (header.entryCount > MAX_ENTRY_COUNT) throw new UnusableHeader(`${header.entryCount} entries`);
  const { entryBytes } = header;
  if (entryBytes < ENTRY_BYTES || entryBytes > MAX_ENTRY_BYTES || entryBytes % ENTRY_BYTES !== 0) {
    throw new UnusableHeader(`entries of ${entryBytes} bytes`);
  }
  return header;
}

function decodeEntry(bytes: Uint8Array): GptPartition | null {
  const typeGuid = getGuid(bytes, 0);
  if (typeGuid === NIL_GUID) return null;
  const view = viewOf(bytes);
  const units: number[] = [];
  for (let i = 0; i < NAME_UNITS; i++) {
    const unit = view.getUint16(NAME_OFFSET + 2 * i, true);
    if (unit === 0) break;
    units.push(unit);
  }
  const attributes = view.getBigUint64(48, true);
  return {
    typeGuid,
    guid: getGuid(bytes, 16),
    name: String.fromCharCode(...units),
    firstSector: getSector(view, 32, 'StartingLBA'),
    lastSector: getSector(view, 40, 'EndingLBA'),
    ...(attributes === 0n ? {} : { attributes }),
  };
}

async function readTable(source: ByteSource, sectorBytes: number, headerSector: number): Promise<Gpt> {
  const sourceSectors = Math.floor(source.sizeBytes / sectorBytes);
  if (headerSector < PRIMARY_SECTOR || headerSector >= sourceSectors) {
    throw new UnusableHeader('it would lie outside the disk');
  }
  const header = decodeHeader(await source.read(headerSector * sectorBytes, sectorBytes), headerSector);
  const lengthBytes = header.entryCount * header.entryBytes;
  if (header.entriesSector * sectorBytes + lengthBytes > source.sizeBytes) {
    throw new UnusableHeader('its entries lie outside the disk');
  }
  const entries = await source.read(header.entriesSector * sectorBytes, lengthBytes);
  if (crc32(entries) !== header.entriesCrc) {
    throw new UnusableHeader('the checksum of the entries does not match');
  }
  const diskSectors = Math.max(header.mySector, header.alternateSector) + 1;
  if (header.firstUsableSector > header.lastUsableSector || header.lastUsableSector >= diskSectors) {
    throw new UnusableHeader(
      `usable sectors ${header.firstUsableSector} to ${header.lastUsableSector} of ${diskSectors}`,
    );
  }
  const partitions: (GptPartition | null)[] = [];
  for (let offset = 0; offset < lengthBytes; offset += header.entryBytes) {
    partitions.push(decodeEntry(entries.subarray(offset, offset + ENTRY_BYTES)));
  }
  while (partitions.at(-1) === null) partitions.pop();
  const { diskGuid, firstUsableSector, lastUsableSector } = header;
  const gpt = { diskGuid, diskSectors, sectorBytes, firstUsableSector, lastUsableSector, partitions };
  checkPartitions(gpt, (reason) => new UnusableHeader(reason));
  return gpt;
}

/** Sectors where a header may be: first, last, and where the damaged first one says the other one is. */
async function headerSectors(source: ByteSource, sectorBytes: number): Promise<number[]> {
  const sectors = [PRIMARY_SECTOR, Math.floor(source.sizeBytes / sectorBytes) - 1];
  if (source.sizeBytes < 2 * sectorBytes) return sectors;
  const view = viewOf(await source.read(PRIMARY_SECTOR * sectorBytes, sectorBytes));
  const alternate = view.getBigUint64(32, true);
  if (view.getBigUint64(0, true) === SIGNATURE && alternate < BigInt(Number.MAX_SAFE_INTEGER)) {
    sectors.push(Number(alternate));
  }
  return sectors;
}

/** Throws SyntaxError saying what is wrong with each copy when none can be used. */
export async function readGpt(source: ByteSource): Promise<Gpt> {
  const reasons: string[] = [];
  for (const sectorBytes of SECTOR_SIZES) {
    for (const sector of new Set(await headerSectors(source, sectorBytes))) {
      try {
        return await readTable(source, sectorBytes, sector);
      } catch (error) {
        if (!(error instanceof UnusableHeader)) throw error;
        reasons.push(`at byte ${sector * sectorBytes}: ${error.message}`);
      }
    }
  }
  throw new SyntaxError(`Cannot read the partition table: no usable GPT header (${reasons.join('; ')})`);
}
