// The few fields of ext4's superblock that tell whether it wants a check and how large it is
// (Linux documentation, filesystems/ext4/super).

/** Offset of the superblock in the partition. */
export const SUPERBLOCK_OFFSET_BYTES = 1024;
/** Offsets of its first copy, with blocks of 4 KiB and, on small disks, of 1 KiB: the start of block group 1. */
export const SUPERBLOCK_COPY_OFFSETS_BYTES = [32_768 * 4096, 8193 * 1024];

//   0x004  u32  s_blocks_count_lo
//   0x018  u32  s_log_block_size: 2 ^ (10 + this)
//   0x034  u16  s_mnt_count
//   0x036  s16  s_max_mnt_count, below 1: no limit
//   0x038  u16  s_magic
//   0x03A  u16  s_state: 1 cleanly unmounted, 2 errors detected
//   0x060  u32  s_feature_incompat
//   0x150  u32  s_blocks_count_hi, where s_feature_incompat has 64BIT
//   0x194  u32  s_error_count
export const SUPERBLOCK_BYTES = 1024;
const MAGIC = 0xef53;
const STATE_VALID = 0x1;
const STATE_ERRORS = 0x2;
const INCOMPAT_64BIT = 0x80;

export interface Ext4Superblock {
  blockBytes: number;
  blockCount: number;
  /** Errors were seen, or it was in use without a journal. A journal alone is replayed by the mount. */
  wantsCheck: boolean;
}

/** undefined: these 1024 bytes are none. */
export function decodeExt4Superblock(bytes: Uint8Array): Ext4Superblock | undefined {
  if (bytes.length < SUPERBLOCK_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint16(0x38, true) !== MAGIC) return undefined;
  const state = view.getUint16(0x3a, true);
  const mounts = view.getUint16(0x34, true);
  const maxMounts = view.getInt16(0x36, true);
  const has64Bit = (view.getUint32(0x60, true) & INCOMPAT_64BIT) !== 0;
  return {
    blockBytes: 2 ** (10 + view.getUint32(0x18, true)),
    blockCount: view.getUint32(0x4, true) + (has64Bit ? view.getUint32(0x150, true) * 2 ** 32 : 0),
    wantsCheck:
      (state & STATE_VALID) === 0 ||
      (state & STATE_ERRORS) !== 0 ||
      view.getUint32(0x194, true) > 0 ||
      (maxMounts > 0 && mounts >= maxMounts),
  };
}
