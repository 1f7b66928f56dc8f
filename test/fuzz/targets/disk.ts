// What a disk says of itself: partition tables and file systems, on a medium that broke, or that somebody else has written.

import { crc32 } from 'node:zlib';
import { decodeExt4Superblock } from '../../../src/device/init/perm/ext4-superblock.ts';
import { type ByteDevice, deviceOfBytes, sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { replaceFatFile } from '../../../src/formats/fat/editor.ts';
import { openFat } from '../../../src/formats/fat/volume.ts';
import { encodeGpt, type Gpt, PARTITION_TYPE, readGpt } from '../../../src/formats/gpt.ts';
import { decodeMbr, encodeHybridMbr } from '../../../src/formats/mbr.ts';
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

/** Boot sector, tables, the root directory and the first clusters: all that says where the rest is. */
const FAT_HEAD_BYTES = 96 * 1024;

async function fatHead(): Promise<Uint8Array> {
  const volume = await volumeWith(FAT16_BYTES);
  return volume.read(0, FAT_HEAD_BYTES);
}

let wholeVolume: Promise<Uint8Array> | undefined;

async function volumeOf(head: Uint8Array): Promise<ByteDevice> {
  wholeVolume ??= volumeWith(FAT16_BYTES).then((volume) => volume.read(0, FAT16_BYTES));
  const rest = await wholeVolume;
  const device = deviceOfBytes(
    Uint8Array.from(
      head.length >= FAT_HEAD_BYTES
        ? head.subarray(0, FAT_HEAD_BYTES)
        : Buffer.concat([head, rest.subarray(head.length, FAT_HEAD_BYTES)]),
    ),
  );
  return {
    sizeBytes: FAT16_BYTES,
    async read(offsetBytes, lengthBytes) {
      if (offsetBytes + lengthBytes > FAT16_BYTES)
        throw new RangeError(`Read behind the end: ${offsetBytes} + ${lengthBytes}`);
      const bytes = rest.slice(offsetBytes, offsetBytes + lengthBytes);
      if (offsetBytes < FAT_HEAD_BYTES) {
        bytes.set(await device.read(offsetBytes, Math.min(lengthBytes, FAT_HEAD_BYTES - offsetBytes)));
      }
      return bytes;
    },
    async write(offsetBytes, bytes) {
      if (offsetBytes + bytes.length > FAT16_BYTES)
        throw new RangeError(`Write behind the end: ${offsetBytes} + ${bytes.length}`);
      const length = Math.min(bytes.length, FAT_HEAD_BYTES - offsetBytes);
      if (length > 0) await device.write(offsetBytes, bytes.subarray(0, length));
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
  fat: { corpus: async () => [await fatHead()], run: readFat, refuses: isFatVerdict },
  'fat-change': {
    corpus: async () => [await fatHead()],
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
    run: async (input) => {
      await readDamaged(input, { entries: 2000, readBytes: 16 * 1024 * 1024 });
      return undefined;
    },
    refuses: () => false,
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
