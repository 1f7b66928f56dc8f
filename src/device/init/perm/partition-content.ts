// What a partition holds, by its first MiB. Only one that is blank there may ever be formatted: whatever else
// it holds, somebody put it there.

import { decodeExt4Superblock, SUPERBLOCK_OFFSET_BYTES, type Ext4Superblock } from './ext4-superblock.ts';

export const PROBE_BYTES = 1024 * 1024;

export type PartitionContent =
  | { kind: 'blank' }
  | { kind: 'ext4'; superblock: Ext4Superblock }
  /** `name`: for a person; undefined when nobody knows. */
  | { kind: 'other'; name: string | undefined };

/** Magic numbers of what people put on disks, to name it in the message. */
const SIGNATURES: readonly { name: string; offset: number; magic: string }[] = [
  { name: 'XFS', offset: 0, magic: 'XFSB' },
  { name: 'Btrfs', offset: 0x10040, magic: '_BHRfS_M' },
  { name: 'F2FS', offset: 1024, magic: '\x10\x20\xf5\xf2' },
  { name: 'SquashFS', offset: 0, magic: 'hsqs' },
  { name: 'LUKS encryption', offset: 0, magic: 'LUKS\xba\xbe' },
  { name: 'NTFS', offset: 3, magic: 'NTFS    ' },
  { name: 'exFAT', offset: 3, magic: 'EXFAT   ' },
  { name: 'FAT', offset: 54, magic: 'FAT' },
  { name: 'FAT32', offset: 82, magic: 'FAT32' },
  { name: 'Linux swap', offset: 4086, magic: 'SWAPSPACE2' },
  { name: 'an LVM volume', offset: 512, magic: 'LABELONE' },
  { name: 'a RAID member', offset: 4096, magic: '\xfc\x4e\x2b\xa9' },
  { name: 'bcachefs', offset: 4096 + 24, magic: '\xc6\x85\x73\xf6' },
  { name: 'ZFS', offset: 128 * 1024, magic: '\x0c\xb1\xba\x00' },
];

/** `start`: the first PROBE_BYTES bytes, or all of a smaller partition. */
export function identifyContent(start: Uint8Array): PartitionContent {
  const superblock = decodeExt4Superblock(start.subarray(SUPERBLOCK_OFFSET_BYTES));
  if (superblock !== undefined) return { kind: 'ext4', superblock };
  if (Buffer.alloc(start.length).equals(start)) return { kind: 'blank' };
  const found = SIGNATURES.find(({ offset, magic }) => {
    const bytes = start.subarray(offset, offset + magic.length);
    return bytes.length === magic.length && bytes.every((byte, i) => byte === magic.charCodeAt(i));
  });
  return { kind: 'other', name: found?.name };
}
