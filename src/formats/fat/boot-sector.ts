// The FAT boot sector (BIOS parameter block): where the parts of a volume lie, read and written.
// FAT12 is refused. Microsoft FAT32 File System Specification 1.03, sections "Boot Sector and BPB" and "FAT
// Type Determination"; Linux's rules where real volumes break them.

export type FatType = 'fat16' | 'fat32';

/** All offsets are bytes from the volume's start. */
export interface FatGeometry {
  type: FatType;
  sectorBytes: number;
  totalSectors: number;
  clusterBytes: number;
  /** Clusters have the numbers 2 to `clusterCount` + 1. */
  clusterCount: number;
  fatOffsetBytes: number;
  /** Size of one copy. */
  fatBytes: number;
  fatCopies: number;
  /** Number of the only copy in use; undefined when all copies are kept equal, as usual. */
  activeFat: number | undefined;
  /** FAT16's root directory; it has a fixed place and size. Both are 0 on FAT32. */
  rootOffsetBytes: number;
  rootBytes: number;
  /** FAT32's root directory is a chain from this cluster; 0 on FAT16. */
  rootCluster: number;
  dataOffsetBytes: number;
  /** FAT32's free-space hint; undefined where there is none. */
  fsInfoOffsetBytes: number | undefined;
  hiddenSectors: number;
  volumeId: number;
  /** Label without the padding. */
  label: string;
}

// Boot sector, common part:
//   0    3  BS_jmpBoot
//   3    8  BS_OEMName
//   11   2  BPB_BytsPerSec
//   13   1  BPB_SecPerClus
//   14   2  BPB_RsvdSecCnt
//   16   1  BPB_NumFATs
//   17   2  BPB_RootEntCnt, 0 on FAT32
//   19   2  BPB_TotSec16, 0 = see TotSec32
//   21   1  BPB_Media
//   22   2  BPB_FATSz16, 0 on FAT32
//   24   2  BPB_SecPerTrk
//   26   2  BPB_NumHeads
//   28   4  BPB_HiddSec
//   32   4  BPB_TotSec32
// FAT32 only:
//   36   4  BPB_FATSz32
//   40   2  BPB_ExtFlags: bit 7 = only the copy in bits 0-3 is in use
//   42   2  BPB_FSVer
//   44   4  BPB_RootClus
//   48   2  BPB_FSInfo, a sector number
//   50   2  BPB_BkBootSec
// Then, at 36 on FAT16 and at 64 on FAT32:
//   +0   1  BS_DrvNum
//   +2   1  BS_BootSig, 29 = the next three fields are there
//   +3   4  BS_VolID
//   +7  11  BS_VolLab
//   +18  8  BS_FilSysType
//   510  2  55 aa
const OEM_NAME = 'TSKRAZY ';
const MEDIA_FIXED_DISK = 0xf8;
const SECTORS_PER_TRACK = 63;
const HEADS = 255;
const FIRST_DRIVE = 0x80;
const EXTENDED_BOOT_SIGNATURE = 0x29;
const EXTENDED_PART = { fat16: 36, fat32: 64 } as const;
export const LABEL_BYTES = 11;
const FSINFO_SECTOR = 1;
/** Sector where everybody looks for the backup of the first sectors. */
export const BACKUP_BOOT_SECTOR = 6;

/** Cluster counts below these make a volume FAT12 and FAT16; the highest FAT32 number is a bad cluster's. */
export const FAT16_MIN_CLUSTERS = 4085;
export const FAT32_MIN_CLUSTERS = 65525;
const FAT32_MAX_CLUSTERS = 0x0ffffff5;
const ENTRY_BYTES = { fat16: 2, fat32: 4 } as const;
const SECTOR_SIZES = [512, 1024, 2048, 4096];

// FSInfo sector:
//   0    4  FSI_LeadSig "RRaA"
//   484  4  FSI_StrucSig "rrAa"
//   488  4  FSI_Free_Count, ff ff ff ff = unknown
//   492  4  FSI_Nxt_Free, the same
//   508  4  FSI_TrailSig 00 00 55 aa
const FSINFO_LEAD = 0x41615252;
const FSINFO_STRUCTURE = 0x61417272;
const FSINFO_TRAIL = 0xaa550000;
const FSINFO_FREE_OFFSET = 488;
const FSINFO_BYTES = 512;

export function fatEntryBytes(geometry: FatGeometry): number {
  return ENTRY_BYTES[geometry.type];
}

/** How many clusters one sector of the FAT maps. */
export function entriesPerFatSector(geometry: FatGeometry): number {
  return geometry.sectorBytes / fatEntryBytes(geometry);
}

export function isCluster(geometry: FatGeometry, cluster: number): boolean {
  return cluster >= 2 && cluster < geometry.clusterCount + 2;
}

export function clusterOffset(geometry: FatGeometry, cluster: number): number {
  return geometry.dataOffsetBytes + (cluster - 2) * geometry.clusterBytes;
}

function putAscii(bytes: Uint8Array, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
}

export function encodeBootSector(geometry: FatGeometry): Uint8Array {
  const fat32 = geometry.type === 'fat32';
  const { sectorBytes, totalSectors } = geometry;
  const fatSectors = geometry.fatBytes / sectorBytes;
  const sector = new Uint8Array(sectorBytes);
  const view = new DataView(sector.buffer);
  const extended = EXTENDED_PART[geometry.type];
  // A jump behind the parameters and two bytes there: INT 18h, "no boot here, try the next device".
  sector.set([0xeb, extended + 26 - 2, 0x90]);
  sector.set([0xcd, 0x18], extended + 26);
  putAscii(sector, 3, OEM_NAME);
  view.setUint16(11, sectorBytes, true);
  view.setUint8(13, geometry.clusterBytes / sectorBytes);
  view.setUint16(14, geometry.fatOffsetBytes / sectorBytes, true);
  view.setUint8(16, geometry.fatCopies);
  view.setUint16(17, geometry.rootBytes / 32, true);
  const small = !fat32 && totalSectors < 0x10000;
  view.setUint16(19, small ? totalSectors : 0, true);
  view.setUint8(21, MEDIA_FIXED_DISK);
  view.setUint16(22, fat32 ? 0 : fatSectors, true);
  view.setUint16(24, SECTORS_PER_TRACK, true);
  view.setUint16(26, HEADS, true);
  view.setUint32(28, geometry.hiddenSectors, true);
  view.setUint32(32, small ? 0 : totalSectors, true);
  if (fat32) {
    view.setUint32(36, fatSectors, true);
    view.setUint16(40, geometry.activeFat === undefined ? 0 : 0x80 | geometry.activeFat, true);
    view.setUint32(44, geometry.rootCluster, true);
    view.setUint16(48, FSINFO_SECTOR, true);
    view.setUint16(50, BACKUP_BOOT_SECTOR, true);
  }
  view.setUint8(extended, FIRST_DRIVE);
  view.setUint8(extended + 2, EXTENDED_BOOT_SIGNATURE);
  view.setUint32(extended + 3, geometry.volumeId, true);
  putAscii(sector, extended + 7, geometry.label.padEnd(LABEL_BYTES));
  putAscii(sector, extended + 18, fat32 ? 'FAT32   ' : 'FAT16   ');
  sector.set([0x55, 0xaa], 510);
  return sector;
}

function refuse(reason: string): SyntaxError {
  return new SyntaxError(`Cannot read the FAT volume: ${reason}`);
}

interface Parameters {
  sectorBytes: number;
  clusterBytes: number;
  reservedSectors: number;
  fatCopies: number;
  rootSlots: number;
  totalSectors: number;
  fatSectors: number;
  fat32Layout: boolean;
}

function decodeParameters(view: DataView): Parameters {
  const sectorBytes = view.getUint16(11, true);
  if (!SECTOR_SIZES.includes(sectorBytes)) throw refuse(`it claims sectors of ${sectorBytes} bytes`);
  const sectorsPerCluster = view.getUint8(13);
  if (sectorsPerCluster === 0 || (sectorsPerCluster & (sectorsPerCluster - 1)) !== 0) {
    throw refuse(`it claims clusters of ${sectorsPerCluster} sectors`);
  }
  const reservedSectors = view.getUint16(14, true);
  const fatCopies = view.getUint8(16);
  if (reservedSectors === 0 || fatCopies === 0) throw refuse('it claims to have no FAT');
  // Linux decides by this field, so that a FAT32 volume with few clusters is still FAT32.
  const fat32Layout = view.getUint16(22, true) === 0;
  return {
    sectorBytes,
    clusterBytes: sectorsPerCluster * sectorBytes,
    reservedSectors,
    fatCopies,
    rootSlots: view.getUint16(17, true),
    totalSectors: view.getUint16(19, true) || view.getUint32(32, true),
    fatSectors: fat32Layout ? view.getUint32(36, true) : view.getUint16(22, true),
    fat32Layout,
  };
}

/** Clusters that both the data area and the FAT have room for. */
function countClusters(parameters: Parameters, dataSector: number): { clusterCount: number; type: FatType } {
  const { sectorBytes, clusterBytes, totalSectors, fat32Layout, fatSectors } = parameters;
  const clusters = Math.floor(((totalSectors - dataSector) * sectorBytes) / clusterBytes);
  if (clusters < 1) throw refuse(`it claims ${totalSectors} sectors, too few for its own tables`);
  if (!fat32Layout && clusters < FAT16_MIN_CLUSTERS) {
    throw refuse(`it is FAT12 (${clusters} clusters), and only FAT16 and FAT32 are supported`);
  }
  const most = fat32Layout ? FAT32_MAX_CLUSTERS : FAT32_MIN_CLUSTERS - 1;
  if (clusters > most) throw refuse(`it claims ${clusters} clusters, more than the format has`);
  const type = fat32Layout ? 'fat32' : 'fat16';
  const mapped = (fatSectors * sectorBytes) / ENTRY_BYTES[type] - 2;
  if (mapped < 1) throw refuse('it claims to have no FAT');
  return { clusterCount: Math.min(clusters, mapped), type };
}

/** `sector` is the volume's start, at least 512 bytes; `sizeBytes` is how large the volume can be at most. */
export function decodeBootSector(sector: Uint8Array, sizeBytes: number): FatGeometry {
  if (sector.length < 512) throw refuse(`it has only ${sector.length} bytes`);
  if (sector[510] !== 0x55 || sector[511] !== 0xaa) {
    throw refuse('its boot sector lacks the signature 55 aa');
  }
  const view = new DataView(sector.buffer, sector.byteOffset, sector.byteLength);
  const parameters = decodeParameters(view);
  const { sectorBytes, totalSectors, fatSectors, fatCopies, fat32Layout, rootSlots } = parameters;
  if (totalSectors * sectorBytes > sizeBytes) {
    throw refuse(`it claims ${totalSectors * sectorBytes} bytes, but only ${sizeBytes} are there`);
  }
  const rootSector = parameters.reservedSectors + fatCopies * fatSectors;
  const dataSector = rootSector + Math.ceil((rootSlots * 32) / sectorBytes);
  const { clusterCount, type } = countClusters(parameters, dataSector);
  if (fat32Layout && view.getUint16(42, true) !== 0) throw refuse('its FAT32 version is not 0.0');
  if (!fat32Layout && rootSlots === 0) throw refuse('it has no root directory');
  const flags = fat32Layout ? view.getUint16(40, true) : 0;
  const activeFat = flags & 0x80 ? flags & 0x0f : undefined;
  if (activeFat !== undefined && activeFat >= fatCopies) throw refuse(`it has no FAT copy ${activeFat}`);
  const fsInfoSector = fat32Layout ? view.getUint16(48, true) : 0;
  const extended = EXTENDED_PART[type];
  const named = view.getUint8(extended + 2) === EXTENDED_BOOT_SIGNATURE;
  const label = sector.subarray(extended + 7, extended + 7 + LABEL_BYTES);
  const geometry: FatGeometry = {
    type,
    sectorBytes,
    totalSectors,
    clusterBytes: parameters.clusterBytes,
    clusterCount,
    fatOffsetBytes: parameters.reservedSectors * sectorBytes,
    fatBytes: fatSectors * sectorBytes,
    fatCopies,
    activeFat,
    rootOffsetBytes: fat32Layout ? 0 : rootSector * sectorBytes,
    rootBytes: fat32Layout ? 0 : rootSlots * 32,
    rootCluster: fat32Layout ? view.getUint32(44, true) : 0,
    dataOffsetBytes: dataSector * sectorBytes,
    fsInfoOffsetBytes:
      fsInfoSector > 0 && fsInfoSector < parameters.reservedSectors ? fsInfoSector * sectorBytes : undefined,
    hiddenSectors: view.getUint32(28, true),
    volumeId: named ? view.getUint32(extended + 3, true) : 0,
    label: named ? String.fromCharCode(...label).trimEnd() : '',
  };
  if (fat32Layout && !isCluster(geometry, geometry.rootCluster)) {
    throw refuse(`its root directory starts at cluster ${geometry.rootCluster}, which it does not have`);
  }
  return geometry;
}

/**
 * An FSInfo sector that says "unknown", which every reader must cope with: whoever wants the numbers counts
 * them, and no change of the volume makes this sector wrong. fsck.fat mentions it and exits with 0.
 */
export function encodeFsInfo(sectorBytes: number): Uint8Array {
  const sector = new Uint8Array(sectorBytes);
  const view = new DataView(sector.buffer);
  view.setUint32(0, FSINFO_LEAD, true);
  view.setUint32(484, FSINFO_STRUCTURE, true);
  sector.fill(0xff, FSINFO_FREE_OFFSET, FSINFO_FREE_OFFSET + 8);
  view.setUint32(FSINFO_BYTES - 4, FSINFO_TRAIL, true);
  return sector;
}

/** The FSInfo sector changed to "unknown"; undefined when it states no number that could be wrong. */
export function forgetFreeSpace(sector: Uint8Array): Uint8Array | undefined {
  const view = new DataView(sector.buffer, sector.byteOffset, FSINFO_BYTES);
  const isFsInfo = view.getUint32(0, true) === FSINFO_LEAD && view.getUint32(484, true) === FSINFO_STRUCTURE;
  const numbers = sector.subarray(FSINFO_FREE_OFFSET, FSINFO_FREE_OFFSET + 8);
  if (!isFsInfo || numbers.every((byte) => byte === 0xff)) return undefined;
  return sector.slice().fill(0xff, FSINFO_FREE_OFFSET, FSINFO_FREE_OFFSET + 8);
}
