// Inodes: how the squashfs inode table describes a file, directory, symbolic link, device, FIFO or socket.
// Written: the basic form where it fits, the extended one for what it cannot say. Read: all 14 forms; xattr
// indexes are passed over. Spec: fs/squashfs/squashfs_fs.h, structs squashfs_*_inode.

import type { MetadataCursor } from './metadata.ts';
import { NAME_MAX_BYTES, NONE_32, SYMLINK_MAX_BYTES, type MetadataRef } from './superblock.ts';

export const INODE_TYPES = {
  directory: 1,
  file: 2,
  symlink: 3,
  'block-device': 4,
  'char-device': 5,
  fifo: 6,
  socket: 7,
} as const;
export type InodeKind = keyof typeof INODE_TYPES;

/** An extended inode's type is its basic one's plus this. */
const EXTENDED = 7;
const KINDS = Object.keys(INODE_TYPES) as InodeKind[];

/** A directory's listing is stored with this added to its size: the room of `.` and `..`. */
const LISTING_SIZE_BIAS = 3;
const MAX_BASIC_LISTING = 0xffff - LISTING_SIZE_BIAS;

export interface InodeHeader {
  mode: number;
  uidIndex: number;
  gidIndex: number;
  mtimeSec: number;
  inodeNumber: number;
}

/** A file's content as it lies in the image. */
export interface FileLayout {
  sizeBytes: number;
  startBytes: number;
  /** Size words of the blocks from `startBytes` on, `BLOCK_UNCOMPRESSED` included; 0 = a block of zeros, not stored. */
  blockWords: Uint32Array;
  /** Place of the rest that the blocks do not cover. */
  fragment?: { index: number; offset: number };
  /** Bytes of zeros that are not stored. */
  sparseBytes: number;
}

export interface DirectoryIndexEntry {
  /** Offset of a directory header, from the start of the listing. */
  listingOffset: number;
  /** Metadata block in which that header begins. */
  blockStart: number;
  /** First name after that header. */
  nameBytes: Uint8Array;
}

export interface DirectoryLayout {
  listingBytes: number;
  blockStart: number;
  offset: number;
  /** Directories in it. */
  subdirectoryCount: number;
  parentInodeNumber: number;
  index: readonly DirectoryIndexEntry[];
}

class ByteWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.bytes.buffer);
  }
  u16(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }
  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }
  u64(value: number): void {
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    this.#at += 8;
  }
  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

const HEADER_SIZE = 16;

function startInode(type: number, header: InodeHeader, bodySize: number): ByteWriter {
  const writer = new ByteWriter(HEADER_SIZE + bodySize);
  writer.u16(type); // inode_type
  writer.u16(header.mode); // mode
  writer.u16(header.uidIndex); // uid
  writer.u16(header.gidIndex); // guid
  writer.u32(header.mtimeSec); // mtime
  writer.u32(header.inodeNumber); // inode_number
  return writer;
}

export function encodeFileInode(header: InodeHeader, file: FileLayout): Uint8Array {
  const { blockWords, fragment, sizeBytes, startBytes, sparseBytes } = file;
  const isExtended = sizeBytes > NONE_32 || startBytes > NONE_32 || sparseBytes > 0;
  let writer: ByteWriter;
  if (isExtended) {
    writer = startInode(INODE_TYPES.file + EXTENDED, header, 40 + 4 * blockWords.length);
    writer.u64(startBytes); // start_block
    writer.u64(sizeBytes); // file_size
    // The kernel takes this off the size to get st_blocks; like mksquashfs, never all of it.
    writer.u64(Math.min(sparseBytes, sizeBytes - 1)); // sparse
    writer.u32(1); // nlink
    writer.u32(fragment?.index ?? NONE_32); // fragment
    writer.u32(fragment?.offset ?? 0); // offset
    writer.u32(NONE_32); // xattr
  } else {
    writer = startInode(INODE_TYPES.file, header, 16 + 4 * blockWords.length);
    writer.u32(startBytes); // start_block
    writer.u32(fragment?.index ?? NONE_32); // fragment
    writer.u32(fragment?.offset ?? 0); // offset
    writer.u32(sizeBytes); // file_size
  }
  for (const word of blockWords) writer.u32(word); // block_list[]
  return writer.bytes;
}

export function encodeDirectoryInode(header: InodeHeader, directory: DirectoryLayout): Uint8Array {
  const { listingBytes, blockStart, offset, parentInodeNumber, index } = directory;
  const linkCount = 2 + directory.subdirectoryCount;
  if (listingBytes <= MAX_BASIC_LISTING && index.length === 0) {
    const writer = startInode(INODE_TYPES.directory, header, 16);
    writer.u32(blockStart); // start_block
    writer.u32(linkCount); // nlink
    writer.u16(listingBytes + LISTING_SIZE_BIAS); // file_size
    writer.u16(offset); // offset
    writer.u32(parentInodeNumber); // parent_inode
    return writer.bytes;
  }
  const indexSize = index.reduce((sum, entry) => sum + 12 + entry.nameBytes.length, 0);
  const writer = startInode(INODE_TYPES.directory + EXTENDED, header, 24 + indexSize);
  writer.u32(linkCount); // nlink
  writer.u32(listingBytes + LISTING_SIZE_BIAS); // file_size
  writer.u32(blockStart); // start_block
  writer.u32(parentInodeNumber); // parent_inode
  writer.u16(index.length); // i_count
  writer.u16(offset); // offset
  writer.u32(NONE_32); // xattr
  for (const entry of index) {
    writer.u32(entry.listingOffset); // index
    writer.u32(entry.blockStart); // start_block
    writer.u32(entry.nameBytes.length - 1); // size
    writer.raw(entry.nameBytes); // name
  }
  return writer.bytes;
}

export function encodeSymlinkInode(header: InodeHeader, target: Uint8Array): Uint8Array {
  const writer = startInode(INODE_TYPES.symlink, header, 8 + target.length);
  writer.u32(1); // nlink
  writer.u32(target.length); // symlink_size
  writer.raw(target); // symlink
  return writer.bytes;
}

export function encodeDeviceInode(
  kind: 'char-device' | 'block-device',
  header: InodeHeader,
  device: { major: number; minor: number },
): Uint8Array {
  const { major, minor } = device;
  const writer = startInode(INODE_TYPES[kind], header, 8);
  writer.u32(1); // nlink
  // rdev: minor bits 0-7, major bits 8-19, the rest of minor above.
  writer.u32((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12));
  return writer.bytes;
}

/** A decoded inode. What can be long (block list, directory index) is read only when asked for. */
export interface Inode extends InodeHeader {
  kind: InodeKind;
  linkCount: number;
  /** Place at which the block list or the directory index begins. */
  listAt: MetadataRef;
  file?: {
    sizeBytes: number;
    startBytes: number;
    fragment?: { index: number; offset: number };
    sparseBytes: number;
  };
  directory?: Omit<DirectoryLayout, 'index' | 'subdirectoryCount'> & { indexCount: number };
  target?: string;
  device?: { major: number; minor: number };
}

export async function decodeInode(cursor: MetadataCursor): Promise<Inode> {
  const view = await cursor.view(HEADER_SIZE);
  const type = view.getUint16(0, true);
  const isExtended = type > EXTENDED;
  const kind = KINDS[(isExtended ? type - EXTENDED : type) - 1];
  if (!kind) throw new SyntaxError(`Cannot read an inode: its type is ${type}`);
  const inode: Inode = {
    kind,
    mode: view.getUint16(2, true) & 0o7777,
    uidIndex: view.getUint16(4, true),
    gidIndex: view.getUint16(6, true),
    mtimeSec: view.getUint32(8, true),
    inodeNumber: view.getUint32(12, true),
    linkCount: 1,
    listAt: cursor.position,
  };
  if (kind === 'file') await decodeFile(inode, cursor, isExtended);
  else if (kind === 'directory') await decodeDirectory(inode, cursor, isExtended);
  else if (kind === 'symlink') await decodeSymlink(inode, cursor);
  else await decodeDevice(inode, cursor);
  inode.listAt = cursor.position;
  return inode;
}

async function decodeFile(inode: Inode, cursor: MetadataCursor, isExtended: boolean): Promise<void> {
  const view = await cursor.view(isExtended ? 40 : 16);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  const fragmentAt = isExtended ? 28 : 4;
  const index = view.getUint32(fragmentAt, true);
  if (isExtended) inode.linkCount = view.getUint32(24, true);
  inode.file = {
    startBytes: isExtended ? u64(0) : view.getUint32(0, true),
    sizeBytes: isExtended ? u64(8) : view.getUint32(12, true),
    sparseBytes: isExtended ? u64(16) : 0,
    ...(index === NONE_32 ? {} : { fragment: { index, offset: view.getUint32(fragmentAt + 4, true) } }),
  };
  if (!Number.isSafeInteger(inode.file.sizeBytes)) {
    throw new SyntaxError(`Cannot read an inode: its file has ${inode.file.sizeBytes} bytes`);
  }
}

async function decodeDirectory(inode: Inode, cursor: MetadataCursor, isExtended: boolean): Promise<void> {
  const view = await cursor.view(isExtended ? 24 : 16);
  inode.linkCount = view.getUint32(isExtended ? 0 : 4, true);
  const sizeBytes = isExtended ? view.getUint32(4, true) : view.getUint16(8, true);
  inode.directory = {
    // Some writers store 0 for an empty directory.
    listingBytes: Math.max(0, sizeBytes - LISTING_SIZE_BIAS),
    blockStart: view.getUint32(isExtended ? 8 : 0, true),
    offset: view.getUint16(isExtended ? 18 : 10, true),
    parentInodeNumber: view.getUint32(12, true),
    indexCount: isExtended ? view.getUint16(16, true) : 0,
  };
}

async function decodeSymlink(inode: Inode, cursor: MetadataCursor): Promise<void> {
  const view = await cursor.view(8);
  inode.linkCount = view.getUint32(0, true);
  const length = view.getUint32(4, true);
  if (length === 0 || length > SYMLINK_MAX_BYTES) {
    throw new SyntaxError(`Cannot read an inode: its symlink target has ${length} bytes`);
  }
  inode.target = Buffer.from(await cursor.read(length)).toString();
}

async function decodeDevice(inode: Inode, cursor: MetadataCursor): Promise<void> {
  const isDevice = inode.kind === 'block-device' || inode.kind === 'char-device';
  const view = await cursor.view(isDevice ? 8 : 4);
  inode.linkCount = view.getUint32(0, true);
  if (!isDevice) return;
  const rdev = view.getUint32(4, true);
  inode.device = { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}

/** Costs what the list really has, however long a damaged inode says it is. `list` stands at `listAt`. */
export async function readFileLayout(
  file: NonNullable<Inode['file']>,
  list: MetadataCursor,
  blockSizeBytes: number,
): Promise<FileLayout> {
  const blocks = file.sizeBytes / blockSizeBytes;
  const wordCount = file.fragment ? Math.floor(blocks) : Math.ceil(blocks);
  const view = await list.view(wordCount * 4);
  const blockWords = new Uint32Array(wordCount);
  for (let i = 0; i < wordCount; i++) blockWords[i] = view.getUint32(i * 4, true);
  return { ...file, blockWords };
}

/** `list` stands at `listAt`. */
export async function readDirectoryIndex(
  indexCount: number,
  list: MetadataCursor,
): Promise<DirectoryIndexEntry[]> {
  const entries: DirectoryIndexEntry[] = [];
  for (let i = 0; i < indexCount; i++) {
    const view = await list.view(12);
    const nameLength = view.getUint32(8, true) + 1;
    if (nameLength > NAME_MAX_BYTES) {
      throw new SyntaxError(`Cannot read a directory index: a name has ${nameLength} bytes`);
    }
    const nameBytes = await list.read(nameLength);
    entries.push({ listingOffset: view.getUint32(0, true), blockStart: view.getUint32(4, true), nameBytes });
  }
  return entries;
}
