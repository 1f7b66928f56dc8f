// The hybrid MBR of a GPT disk, as gokrazy writes it: the Raspberry Pi's ROM finds the boot partition in the
// first entry, everything else sees the GPT through the second. The boot code area stays zero: it belongs to
// whoever installs a BIOS boot loader. UEFI specification 2.10, section 5.2; gokrazy-spec.md section 5.2.

// Layout of sector 0, offsets in decimal:
//   0    440  BootCode (gokrazy's BIOS loader keeps two sector numbers at 432 and 436)
//   440    4  UniqueMBRDiskSignature
//   444    2  zero
//   446   64  PartitionRecord[4]
//   510    2  Signature, 55 aa
const MBR_BYTES = 512;
const DISK_ID_OFFSET = 440;
const TABLE_OFFSET = 446;
const RECORD_BYTES = 16;
const RECORD_COUNT = 4;

const ACTIVE = 0x80;
const TYPE_FAT32_LBA = 0x0c;
const TYPE_GPT_PROTECTIVE = 0xee;
/** Cylinder, head and sector of what lies beyond CHS addressing, in gokrazy's spelling. */
const CHS_BEYOND = [0xfe, 0xff, 0xff] as const;

interface MbrPartition {
  active: boolean;
  type: number;
  firstSector: number;
  sectorCount: number;
}

export interface Mbr {
  /** The disk signature, which `PARTUUID=<signature>-<number>` refers to. */
  diskId: number;
  /** Always four; `null` is an unused entry. */
  partitions: readonly (MbrPartition | null)[];
}

function checkUint32(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`Cannot encode the MBR: ${name} is ${value}, not a 32-bit number`);
  }
}

function putRecord(view: DataView, index: number, partition: MbrPartition): void {
  const offset = TABLE_OFFSET + index * RECORD_BYTES;
  view.setUint8(offset, partition.active ? ACTIVE : 0); // BootIndicator
  for (const [i, byte] of CHS_BEYOND.entries()) {
    view.setUint8(offset + 1 + i, byte); // StartingCHS
    view.setUint8(offset + 5 + i, byte); // EndingCHS
  }
  view.setUint8(offset + 4, partition.type); // OSType
  view.setUint32(offset + 8, partition.firstSector, true); // StartingLBA
  view.setUint32(offset + 12, partition.sectorCount, true); // SizeInLBA
}

export interface HybridMbrOptions {
  diskId: number;
  bootFirstSector: number;
  bootSectorCount: number;
}

export function encodeHybridMbr(options: HybridMbrOptions): Uint8Array {
  const { diskId, bootFirstSector, bootSectorCount } = options;
  checkUint32('the disk id', diskId);
  checkUint32("the boot partition's first sector", bootFirstSector);
  checkUint32("the boot partition's sector count", bootSectorCount);
  if (bootFirstSector < 2 || bootSectorCount < 1) {
    throw new RangeError(
      `Cannot encode the MBR: a boot partition of ${bootSectorCount} sectors at ${bootFirstSector} leaves no room for the GPT`,
    );
  }
  const sector = new Uint8Array(MBR_BYTES);
  const view = new DataView(sector.buffer);
  view.setUint32(DISK_ID_OFFSET, diskId, true);
  putRecord(view, 0, {
    active: true,
    type: TYPE_FAT32_LBA,
    firstSector: bootFirstSector,
    sectorCount: bootSectorCount,
  });
  putRecord(view, 1, {
    active: false,
    type: TYPE_GPT_PROTECTIVE,
    firstSector: 1,
    sectorCount: bootFirstSector - 1,
  });
  sector.set([0x55, 0xaa], MBR_BYTES - 2);
  return sector;
}

/** Reads any MBR, hybrid or not; `sector` may be longer than 512 bytes (disks with 4096-byte sectors). */
export function decodeMbr(sector: Uint8Array): Mbr {
  if (sector.length < MBR_BYTES) {
    throw new SyntaxError(`Cannot read the MBR: there are ${sector.length} bytes, not ${MBR_BYTES}`);
  }
  if (sector[510] !== 0x55 || sector[511] !== 0xaa) {
    throw new SyntaxError('Cannot read the MBR: the signature 55 aa is missing at its end');
  }
  const view = new DataView(sector.buffer, sector.byteOffset, MBR_BYTES);
  const partitions: (MbrPartition | null)[] = [];
  for (let index = 0; index < RECORD_COUNT; index++) {
    const offset = TABLE_OFFSET + index * RECORD_BYTES;
    const type = view.getUint8(offset + 4);
    partitions.push(
      type === 0
        ? null
        : {
            active: view.getUint8(offset) === ACTIVE,
            type,
            firstSector: view.getUint32(offset + 8, true),
            sectorCount: view.getUint32(offset + 12, true),
          },
    );
  }
  return { diskId: view.getUint32(DISK_ID_OFFSET, true), partitions };
}
