// What a disk says of itself: partition tables and file systems, on a medium that broke, or that somebody else has written.

import { crc32 } from 'node:zlib';
import { readRegulatoryCountries } from '../../../src/formats/regulatory-db.ts';
import { decodeExt4Superblock } from '../../../src/device/init/perm/ext4-superblock.ts';
import { type ByteDevice, sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { openFat } from '../../../src/formats/fat/volume.ts';
import { encodeGpt, type Gpt, PARTITION_TYPE, readGpt } from '../../../src/formats/gpt.ts';
import { decodeMbr, encodeHybridMbr } from '../../../src/formats/mbr.ts';
import { replaceFatFile } from '../../support/formats/fat-change.ts';
import { bytesOf, FAT16_BYTES, FILES, volumeWith } from '../../support/formats/fat-volume.ts';
import { readDamaged } from '../../support/formats/squashfs-damage.ts';
import {
  directory,
  file,
  imageInMemory,
  sampleBytes,
  symlink,
} from '../../support/formats/squashfs-image.ts';
import { type FuzzTarget, hasCode, isSyntaxError } from '../fuzz-target.ts';

const SECTOR_BYTES = 512;
const DISK_SECTORS = 256;
const guid = (number: number): string => `60c24cc1-f3f9-427a-8199-4f9f2cab000${number}`;

const GPT: Gpt = {
  diskGuid: guid(0),
  diskSectors: DISK_SECTORS,
  sectorBytes: SECTOR_BYTES,
  firstUsableSector: 34,
  lastUsableSector: DISK_SECTORS - 34,
  partitions: [
    { typeGuid: PARTITION_TYPE.efiSystem, guid: guid(1), name: 'boot', firstSector: 40, lastSector: 99 },
    { typeGuid: PARTITION_TYPE.linuxData, guid: guid(2), name: 'root', firstSector: 100, lastSector: 199 },
  ],
};

function gptDisk(): Uint8Array {
  const bytes = new Uint8Array(DISK_SECTORS * SECTOR_BYTES);
  const { primary, backup } = encodeGpt(GPT);
  bytes.set(encodeHybridMbr({ diskId: 1, bootFirstSector: 40, bootSectorCount: 60 }));
  bytes.set(primary, SECTOR_BYTES);
  bytes.set(backup, bytes.length - backup.length);
  return bytes;
}

const GPT_HEADER_BYTES = 92;

/** Mends the sums of both copies: entries first, as theirs is in the header. */
function mendGpt(input: Uint8Array): Uint8Array {
  const bytes = input.slice();
  const view = new DataView(bytes.buffer);
  for (const at of [SECTOR_BYTES, bytes.length - SECTOR_BYTES]) {
    if (at < 0 || at + SECTOR_BYTES > bytes.length) continue;
    const entries = Number(view.getBigUint64(at + 72, true)) * SECTOR_BYTES;
    const length = view.getUint32(at + 80, true) * view.getUint32(at + 84, true);
    if (entries + length <= bytes.length)
      view.setUint32(at + 88, crc32(bytes.subarray(entries, entries + length)), true);
    view.setUint32(at + 16, 0, true);
    view.setUint32(at + 16, crc32(bytes.subarray(at, at + GPT_HEADER_BYTES)), true);
  }
  return bytes;
}

/** Sectors that say where the rest is: boot sector, first of each table, directories. Contents are not among them. */
interface FatDisk {
  bytes: Uint8Array;
  sectors: readonly number[];
}

const CONTENT_VALUES = 7;

async function makeFatDisk(): Promise<FatDisk> {
  const bytes = await (await volumeWith(FAT16_BYTES)).read(0, FAT16_BYTES);
  const all = Array.from({ length: FAT16_BYTES / SECTOR_BYTES }, (_, sector) => sector);
  const sectors = all.filter((sector) => {
    const values = new Set(bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
    // Those of files have one value, and zeros behind their end.
    return values.size > 2 || [...values].some((value) => value > CONTENT_VALUES);
  });
  return { bytes, sectors };
}

let fatDisk: Promise<FatDisk> | undefined;

async function fatSectors(): Promise<Uint8Array> {
  const { bytes, sectors } = await (fatDisk ??= makeFatDisk());
  return new Uint8Array(
    Buffer.concat(
      sectors.map((sector) => bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES)),
    ),
  );
}

function requireInside(offsetBytes: number, lengthBytes: number): void {
  if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes + lengthBytes > FAT16_BYTES)
    throw new RangeError(`Access behind the end: ${offsetBytes} + ${lengthBytes}`);
}

/** The disk with those sectors in their places, which takes writes and keeps them for itself. */
async function volumeOf(input: Uint8Array): Promise<ByteDevice> {
  const { bytes, sectors } = await (fatDisk ??= makeFatDisk());
  const changed = new Map<number, Uint8Array>();
  for (const [index, sector] of sectors.entries()) {
    const content = input.subarray(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES);
    if (content.length === SECTOR_BYTES) changed.set(sector, content);
  }
  const sectorAt = (sector: number): Uint8Array =>
    changed.get(sector) ?? bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  return {
    sizeBytes: FAT16_BYTES,
    async read(offsetBytes, lengthBytes) {
      requireInside(offsetBytes, lengthBytes);
      const taken = bytes.slice(offsetBytes, offsetBytes + lengthBytes);
      const last = Math.floor((offsetBytes + lengthBytes - 1) / SECTOR_BYTES);
      for (let sector = Math.floor(offsetBytes / SECTOR_BYTES); sector <= last; sector++) {
        const content = changed.get(sector);
        if (content === undefined) continue;
        const at = sector * SECTOR_BYTES - offsetBytes;
        taken.set(content.subarray(Math.max(0, -at), lengthBytes - at), Math.max(0, at));
      }
      return taken;
    },
    async write(offsetBytes, data) {
      requireInside(offsetBytes, data.length);
      for (let done = 0; done < data.length;) {
        const sector = Math.floor((offsetBytes + done) / SECTOR_BYTES);
        const at = (offsetBytes + done) % SECTOR_BYTES;
        const piece = data.subarray(done, done + SECTOR_BYTES - at);
        const content = sectorAt(sector).slice();
        content.set(piece, at);
        changed.set(sector, content);
        done += piece.length;
      }
    },
  };
}

async function readFat(input: Uint8Array): Promise<string> {
  const volume = await openFat(await volumeOf(input));
  const kinds: string[] = [];
  for (const path of Object.keys(FILES)) {
    try {
      kinds.push(`${Math.sign((await volume.readFile(path)).length)}`);
    } catch (error) {
      if (!isFatVerdict(error)) throw error;
      kinds.push('no');
    }
  }
  return kinds.join('');
}

const isFatVerdict = (error: unknown): boolean => isSyntaxError(error) || hasCode(error);

async function squashfsImage(): Promise<Uint8Array> {
  const { bytes } = await imageInMemory(
    [
      directory('/etc'),
      file('/etc/hosts', bytesOf('127.0.0.1 localhost\n')),
      file('/large', sampleBytes(9000)),
      symlink('/link', 'etc/hosts'),
    ],
    { blockSizeBytes: 4096 },
  );
  return Uint8Array.from(bytes);
}

export const DISK_TARGETS = {
  gpt: {
    corpus: () => [gptDisk()],
    run: async (input) => `${(await readGpt(sourceOfBytes(input))).partitions.length}`,
    refuses: (error) => isSyntaxError(error) || error instanceof RangeError,
    repair: mendGpt,
  },
  mbr: {
    corpus: () => [gptDisk().slice(0, SECTOR_BYTES)],
    run: (input) => `${decodeMbr(input).partitions.length}`,
    refuses: isSyntaxError,
  },
  fat: { corpus: async () => [await fatSectors()], run: readFat, refuses: isFatVerdict },
  'fat-change': {
    corpus: async () => [await fatSectors()],
    run: async (input) => {
      const options = { zone: 'a', timestampSec: 1_700_000_000 };
      await replaceFatFile(
        await volumeOf(input),
        'a/vmlinuz',
        sourceOfBytes(bytesOf('x'.repeat(5000))),
        options,
      );
      return undefined;
    },
    refuses: (error) =>
      isFatVerdict(error) || (error instanceof Error && error.message.startsWith('Cannot ')),
  },
  squashfs: {
    corpus: async () => [await squashfsImage()],
    run: (input) => readDamaged(input, { entries: 2000, readBytes: 16 * 1024 * 1024 }),
    refuses: () => false,
  },
  'regulatory-database': {
    corpus: () => [
      Buffer.concat([Buffer.from('RGDB\0\0\0\x1400\x04\xa7DE\x05\x05', 'latin1'), Buffer.alloc(4)]),
    ],
    run: (input) => `${readRegulatoryCountries(input).size}`,
    refuses: isSyntaxError,
  },
  ext4: {
    corpus: () => {
      const bytes = new Uint8Array(1024);
      bytes.set([0x53, 0xef, 1, 0], 0x38);
      return [bytes];
    },
    run: (input) => {
      const found = decodeExt4Superblock(input);
      return found && `${found.blockBytes > 65_536} ${found.wantsCheck}`;
    },
    refuses: () => false,
  },
} satisfies Record<string, FuzzTarget>;
