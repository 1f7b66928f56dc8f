// Where a Raspberry Pi looks for its files on a disk: what the ROM of a Pi 3 makes of the MBR, and the EEPROM of later ones of
// MBR and GPT. Written from the partition tables' specifications and not with src/formats, so that mistakes there are found.

import type { ByteSource } from '../../../src/formats/byte-source.ts';
import { FirmwareStop } from './firmware-stop.ts';

export const SECTOR_BYTES = 512;

export interface BootPartition {
  /** From 1. */
  number: number;
  firstSector: number;
  sectorCount: number;
}

/** PARTITION_FAT_12 to _FAT32_LBA. 0xef and hidden ones are not recognized (raspberrypi/rpi-eeprom issues 126 and 313). */
const FAT_TYPES: readonly number[] = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e];
const TYPE_PROTECTIVE = 0xee;

/** "Basic data" and EFI system partition, as they lie on the disk: those of a GPT that are looked at (rpi-eeprom issues 130, 818). */
const GPT_TYPES: readonly string[] = ['a2a0d0ebe5b9334487c068b6b72699c7', '28732ac11ff8d211ba4b00a0c93ec93b'];
const GPT_SIGNATURE = 'EFI PART';

interface MbrEntry extends BootPartition {
  type: number;
}

/**
 * The boot ROM of the BCM2837 takes the first FAT partition of the MBR. (It also reads GPTs, of USB disks: "Boot sequence" in
 * raspberrypi/documentation, bootflow-legacy.adoc. A card that has a GPT alone is tried by nobody, and is refused here.)
 */
export async function romBootPartition(disk: ByteSource): Promise<BootPartition> {
  const found = (await readMbr(disk)).find(({ type }) => FAT_TYPES.includes(type));
  if (!found)
    throw new FirmwareStop('the ROM finds no FAT partition in the MBR', 'no light but the power light');
  return partitionOf(found);
}

/**
 * The EEPROM of a Pi 4 or 5 reads "GPT and Hybrid MBR partition tables" (rpi-eeprom, release notes of 2020-09-03). Which of the
 * two wins has changed with versions (raspberrypi/firmware issues 1465 and 1628), so both have to lead to the same partition.
 */
export async function eepromBootPartition(disk: ByteSource): Promise<BootPartition> {
  const entries = await readMbr(disk);
  const byMbr = entries.find(({ type }) => FAT_TYPES.includes(type));
  const hasGpt = entries.some(({ type }) => type === TYPE_PROTECTIVE);
  const byGpt = hasGpt ? await readGpt(disk) : undefined;
  const found = byGpt ?? byMbr;
  if (!found) throw new FirmwareStop('the EEPROM finds no FAT partition', 'the screen says so');
  if (byMbr && byGpt && byMbr.firstSector !== byGpt.firstSector) {
    throw new FirmwareStop(
      `the MBR says that the boot partition begins at sector ${byMbr.firstSector}, the GPT says ${byGpt.firstSector}`,
      'what it does depends on the version of its EEPROM',
    );
  }
  return partitionOf(found);
}

function partitionOf({ number, firstSector, sectorCount }: BootPartition): BootPartition {
  return { number, firstSector, sectorCount };
}

/** UEFI specification 2.10, section 5.2.1: four records of 16 bytes at 446, type @4, first sector u32 @8, sectors u32 @12. */
async function readMbr(disk: ByteSource): Promise<MbrEntry[]> {
  const sector = Buffer.from(await disk.read(0, SECTOR_BYTES));
  if (sector.readUInt16LE(510) !== 0xaa55)
    throw new FirmwareStop('the disk has no MBR', 'no light but the power light');
  return [0, 1, 2, 3]
    .map((index) => {
      const at = 446 + 16 * index;
      const firstSector = sector.readUInt32LE(at + 8);
      return {
        number: index + 1,
        type: sector[at + 4]!,
        firstSector,
        sectorCount: sector.readUInt32LE(at + 12),
      };
    })
    .filter(({ type, sectorCount }) => type !== 0 && sectorCount > 0);
}

/** UEFI specification 2.10, section 5.3: header in sector 1, entries u64 @72, count u32 @80, size u32 @84. */
async function readGpt(disk: ByteSource): Promise<BootPartition | undefined> {
  const header = Buffer.from(await disk.read(SECTOR_BYTES, SECTOR_BYTES));
  if (header.toString('latin1', 0, 8) !== GPT_SIGNATURE) return undefined;
  const [count, size] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  const from = Number(header.readBigUInt64LE(72)) * SECTOR_BYTES;
  const entries = Buffer.from(await disk.read(from, count * size));
  for (let index = 0; index < count; index++) {
    const entry = entries.subarray(index * size, (index + 1) * size);
    if (!GPT_TYPES.includes(entry.toString('hex', 0, 16))) continue;
    const firstSector = Number(entry.readBigUInt64LE(32));
    const lastSector = Number(entry.readBigUInt64LE(40));
    return { number: index + 1, firstSector, sectorCount: lastSector - firstSector + 1 };
  }
  return undefined;
}
