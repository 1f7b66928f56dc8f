// SquashFS 4.0 superblock and the constants that more than one table shares. All fields are little-endian.
// Leaves out: the compressor options block (zlib needs none to be read) and xattrs.
// Spec: the Linux kernel's fs/squashfs/squashfs_fs.h, struct squashfs_super_block.

export const SUPERBLOCK_SIZE = 96;
export const METADATA_SIZE = 8192;
/** Set in a data or fragment block's size word when the block is stored as it is. */
export const BLOCK_UNCOMPRESSED = 1 << 24;
export const BLOCK_SIZE_MASK = BLOCK_UNCOMPRESSED - 1;
/** "None" in a 32-bit field: fragment index, xattr index. */
export const NONE_32 = 0xffff_ffff;
export const NAME_MAX_BYTES = 256;
/** Linux refuses a longer target: PATH_MAX less the terminating NUL. */
export const SYMLINK_MAX_BYTES = 4095;
export const FRAGMENT_ENTRY_SIZE = 16;
export const MIN_BLOCK_SIZE = 4096;
export const MAX_BLOCK_SIZE = 1024 * 1024;

export const SUPERBLOCK_FLAGS = {
  uncompressedInodes: 0x0001,
  uncompressedData: 0x0002,
  uncompressedFragments: 0x0008,
  noFragments: 0x0010,
  alwaysFragments: 0x0020,
  duplicatesRemoved: 0x0040,
  exportable: 0x0080,
  noXattrs: 0x0200,
  compressorOptions: 0x0400,
  uncompressedIds: 0x0800,
} as const;

const MAGIC = 0x7371_7368; // "hsqs"
const COMPRESSION_ZLIB = 1;
const COMPRESSION_NAMES = ['none', 'zlib', 'lzma', 'lzo', 'xz', 'lz4', 'zstd'];
const NO_TABLE = 0xffff_ffff_ffff_ffffn;

export interface Superblock {
  inodeCount: number;
  mtimeSec: number;
  blockSizeBytes: number;
  fragmentCount: number;
  flags: number;
  idCount: number;
  rootInode: MetadataRef;
  /** Size without the padding after the last table. */
  bytesUsed: number;
  idTableStart: number;
  inodeTableStart: number;
  directoryTableStart: number;
  fragmentTableStart: number;
}

/** A place in the inode or directory table. */
export interface MetadataRef {
  /** First byte of the metadata block's header, from the start of its table. */
  blockStart: number;
  /** Byte in the uncompressed block. */
  offset: number;
}

export function encodeSuperblock(superblock: Superblock): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  const view = new DataView(bytes.buffer);
  const root = superblock.rootInode;
  view.setUint32(0, MAGIC, true); // s_magic
  view.setUint32(4, superblock.inodeCount, true); // inodes
  view.setUint32(8, superblock.mtimeSec, true); // mkfs_time
  view.setUint32(12, superblock.blockSizeBytes, true); // block_size
  view.setUint32(16, superblock.fragmentCount, true); // fragments
  view.setUint16(20, COMPRESSION_ZLIB, true); // compression
  view.setUint16(22, Math.log2(superblock.blockSizeBytes), true); // block_log
  view.setUint16(24, superblock.flags, true); // flags
  view.setUint16(26, superblock.idCount, true); // no_ids
  view.setUint16(28, 4, true); // s_major
  view.setUint16(30, 0, true); // s_minor
  view.setBigUint64(32, (BigInt(root.blockStart) << 16n) | BigInt(root.offset), true); // root_inode
  view.setBigUint64(40, BigInt(superblock.bytesUsed), true); // bytes_used
  view.setBigUint64(48, BigInt(superblock.idTableStart), true); // id_table_start
  view.setBigUint64(56, NO_TABLE, true); // xattr_id_table_start
  view.setBigUint64(64, BigInt(superblock.inodeTableStart), true); // inode_table_start
  view.setBigUint64(72, BigInt(superblock.directoryTableStart), true); // directory_table_start
  view.setBigUint64(80, BigInt(superblock.fragmentTableStart), true); // fragment_table_start
  view.setBigUint64(88, NO_TABLE, true); // lookup_table_start: only NFS servers need it
  return bytes;
}

/** Checks all that must hold before any other byte of the image may be trusted to be in its place. */
export function decodeSuperblock(bytes: Uint8Array, imageSizeBytes: number): Superblock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) {
    fail('it does not start with "hsqs"');
  }
  const version = `${view.getUint16(28, true)}.${view.getUint16(30, true)}`;
  if (version !== '4.0') fail(`version ${version}, not 4.0`);
  const compression = view.getUint16(20, true);
  if (compression !== COMPRESSION_ZLIB) {
    const name = COMPRESSION_NAMES[compression] ?? `unknown compressor ${compression}`;
    fail(`compressed with ${name}, not zlib`);
  }
  const rootInode = view.getBigUint64(32, true);
  const superblock: Superblock = {
    inodeCount: view.getUint32(4, true),
    mtimeSec: view.getUint32(8, true),
    blockSizeBytes: view.getUint32(12, true),
    fragmentCount: view.getUint32(16, true),
    flags: view.getUint16(24, true),
    idCount: view.getUint16(26, true),
    rootInode: { blockStart: Number(rootInode >> 16n), offset: Number(rootInode & 0xffffn) },
    bytesUsed: Number(view.getBigUint64(40, true)),
    idTableStart: Number(view.getBigUint64(48, true)),
    inodeTableStart: Number(view.getBigUint64(64, true)),
    directoryTableStart: Number(view.getBigUint64(72, true)),
    fragmentTableStart: Number(view.getBigUint64(80, true)),
  };
  checkSuperblock(superblock, view.getUint16(22, true), imageSizeBytes);
  return superblock;
}

function fail(problem: string): never {
  throw new SyntaxError(`Cannot read the squashfs image: ${problem}`);
}

function checkSuperblock(superblock: Superblock, blockLog: number, imageSizeBytes: number): void {
  const { blockSizeBytes, bytesUsed, inodeTableStart, directoryTableStart, fragmentTableStart } = superblock;
  if (blockLog < 12 || blockLog > 20 || blockSizeBytes !== 2 ** blockLog) {
    fail(`block size ${blockSizeBytes} is no power of two from 4096 to 1048576, or is not 2^${blockLog}`);
  }
  if (bytesUsed > imageSizeBytes)
    fail(`it is cut off, ${bytesUsed} bytes long but ${imageSizeBytes} are there`);
  if (inodeTableStart < SUPERBLOCK_SIZE || inodeTableStart >= directoryTableStart) {
    fail(`inode table at ${inodeTableStart}, directory table at ${directoryTableStart}`);
  }
  if (directoryTableStart > bytesUsed)
    fail(`directory table at ${directoryTableStart} of ${bytesUsed} bytes`);
  if (superblock.idCount === 0 || superblock.idTableStart >= bytesUsed) {
    fail(`${superblock.idCount} ids at ${superblock.idTableStart} of ${bytesUsed} bytes`);
  }
  if (superblock.fragmentCount > 0 && fragmentTableStart >= bytesUsed) {
    fail(`fragment table at ${fragmentTableStart} of ${bytesUsed} bytes`);
  }
}
