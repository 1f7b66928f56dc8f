// A disk of this computer as `tsk flash` sees it, and what keeps any disk from being written.

import { MIN_DISK_BYTES, SECTOR_BYTES } from '../../shared/board/disk-layout.ts';

const MIB = 1024 * 1024;

export interface Disk {
  path: string;
  /** Where its bytes go past the cache of the system, where there is such a way: macOS. */
  rawPath?: string;
  sizeBytes: number;
  /** Vendor and model, when the disk tells. */
  model: string;
  /** `usb`, `nvme`, `sd`, ... or '' */
  transport: string;
  removable: boolean;
  readOnly: boolean;
  mountPoints: readonly string[];
  /** Why it cannot be flashed, as the end of a sentence; null when it can. */
  refusal: string | null;
  /** What helps against that, where it is not another disk. */
  remedy?: string;
}

const KINDS: Readonly<Record<string, string>> = {
  usb: 'USB',
  nvme: 'NVMe',
  sd: 'SD card',
  emmc: 'eMMC',
  sata: 'SATA',
  thunderbolt: 'Thunderbolt',
  '': '',
};

/** Such as "USB, removable". */
export function describeKind({ transport, removable }: Disk): string {
  const kind = KINDS[transport] ?? transport;
  return [kind, removable && transport !== 'sd' ? 'removable' : ''].filter(Boolean).join(', ');
}

/** Those that can be written first, and of these the ones that somebody has plugged in. */
export function compareDisks(one: Disk, other: Disk): number {
  return rank(one) - rank(other);
}

function rank({ refusal, removable }: Disk): number {
  return (refusal === null ? 0 : 2) + (removable ? 0 : 1);
}

/** What is wrong with the medium itself. */
export function mediumRefusal(disk: Omit<Disk, 'refusal'>, sectorBytes: number): string | null {
  if (disk.readOnly) return 'it is write-protected (a card may have a lock switch)';
  if (sectorBytes !== SECTOR_BYTES) {
    return `it has sectors of ${sectorBytes} bytes, and an image is made for ${SECTOR_BYTES}`;
  }
  return sizeRefusal(disk.sizeBytes);
}

export function sizeRefusal(sizeBytes: number): string | null {
  if (sizeBytes >= MIN_DISK_BYTES) return null;
  // Rounded apart, so that a disk which lacks one sector does not have what it needs.
  const [hasMiB, neededMiB] = [Math.floor(sizeBytes / MIB), Math.ceil(MIN_DISK_BYTES / MIB)];
  return `it is too small: it has ${hasMiB} MiB and ${neededMiB} MiB are needed`;
}
