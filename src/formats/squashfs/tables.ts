// The tables after the data area: inodes, directories, fragments, ids. All of it is in memory at once, some
// 100 bytes a file. Inodes lie in input order like the data, directories after all else: their inodes need
// to know where those of their children are.

import type { DataArea } from './data-area.ts';
import { encodeListing, type ListingEntry } from './directory.ts';
import { isDirectoryNode, type DirectoryNode, type Tree, type TreeNode } from './entries.ts';
import {
  encodeDeviceInode,
  encodeDirectoryInode,
  encodeFileInode,
  encodeSymlinkInode,
  type InodeHeader,
} from './inode.ts';
import { framedLengths, frameMetadata, metadataRef } from './metadata.ts';
import { FRAGMENT_ENTRY_SIZE, METADATA_SIZE, NONE_32, type MetadataRef } from './superblock.ts';

export interface Tables {
  bytes: Uint8Array;
  /** Lengths of the metadata blocks and small tables that make up `bytes`. */
  blockLengths: number[];
  /** What the superblock says of them. */
  inodeCount: number;
  idCount: number;
  rootInode: MetadataRef;
  inodeTableStart: number;
  directoryTableStart: number;
  fragmentTableStart: number;
  idTableStart: number;
}

/** The kernel checks that each table ends where the next one begins, so they are laid out in its order. */
export function encodeTables(tree: Tree, data: DataArea): Tables {
  const ids = indexIds(tree);
  const nodes = encodeNodes(tree, data, ids);
  const inodeTable = frameMetadata(nodes.inodes);
  const directoryTable = frameMetadata(nodes.listings);
  const inodeTableStart = data.endBytes;
  const directoryTableStart = inodeTableStart + inodeTable.length;
  const fragmentsAt = directoryTableStart + directoryTable.length;
  const fragmentTable = encodeIndexedTable(encodeFragments(data), fragmentsAt);
  const idsAt = fragmentsAt + fragmentTable.bytes.length;
  const idTable = encodeIndexedTable(encodeIds(ids), idsAt);
  if (directoryTableStart - inodeTableStart > NONE_32 || fragmentsAt - directoryTableStart > NONE_32) {
    throw new RangeError('Cannot write the squashfs image: its inodes or directories need more than 4 GiB');
  }
  const parts = [inodeTable, directoryTable, fragmentTable.bytes, idTable.bytes];
  return {
    bytes: Buffer.concat(parts),
    blockLengths: [
      ...framedLengths(inodeTable),
      ...framedLengths(directoryTable),
      fragmentTable.bytes.length,
      idTable.bytes.length,
    ],
    inodeCount: tree.others.length + tree.directories.length,
    idCount: ids.size,
    rootInode: nodes.rootInode,
    inodeTableStart,
    directoryTableStart,
    fragmentTableStart: fragmentTable.indexStart,
    idTableStart: idTable.indexStart,
  };
}

/** Every uid and gid in use, ascending, with its place in the id table. */
function indexIds(tree: Tree): Map<number, number> {
  const ids = new Set<number>();
  for (const { entry } of [...tree.others, ...tree.directories]) ids.add(entry.uid).add(entry.gid);
  if (ids.size > 0xffff) {
    throw new RangeError(`Cannot write the squashfs image: ${ids.size} different uids and gids, 65535 fit`);
  }
  return new Map([...ids].sort((a, b) => a - b).map((id, index) => [id, index]));
}

/** A raw table that grows at its end. */
class TableWriter {
  readonly #parts: Uint8Array[] = [];
  position = 0;

  append(bytes: Uint8Array): MetadataRef {
    const at = metadataRef(this.position);
    this.#parts.push(bytes);
    this.position += bytes.length;
    return at;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts, this.position);
  }
}

interface NodePlace {
  inodeNumber: number;
  inode: MetadataRef;
}

function encodeNodes(
  tree: Tree,
  data: DataArea,
  ids: ReadonlyMap<number, number>,
): { inodes: Uint8Array; listings: Uint8Array; rootInode: MetadataRef } {
  const inodes = new TableWriter();
  const listings = new TableWriter();
  const places = new Map<TreeNode, NodePlace>();
  // Numbered ahead, because a directory's inode names its parent, which comes later.
  const directoryNumbers = new Map(
    tree.directories.map((directory, i) => [directory, tree.others.length + 1 + i]),
  );
  const headerOf = ({ entry }: TreeNode, inodeNumber: number): InodeHeader => ({
    mode: entry.mode,
    uidIndex: ids.get(entry.uid)!,
    gidIndex: ids.get(entry.gid)!,
    mtimeSec: entry.mtimeSec,
    inodeNumber,
  });
  for (const [i, node] of tree.others.entries()) {
    const inode = inodes.append(encodeInode(node, headerOf(node, i + 1), data));
    places.set(node, { inodeNumber: i + 1, inode });
  }
  for (const directory of tree.directories) {
    const inodeNumber = directoryNumbers.get(directory)!;
    const listing = encodeListing(listingOf(directory, places), listings.position);
    const layout = {
      ...listings.append(listing.bytes),
      listingBytes: listing.bytes.length,
      subdirectoryCount: directory.children.filter(isDirectoryNode).length,
      // Like mksquashfs, the root's parent is the number after the last one.
      parentInodeNumber: directory === tree.root ? inodeNumber + 1 : directoryNumbers.get(directory.parent)!,
      index: listing.index,
    };
    const inode = inodes.append(encodeDirectoryInode(headerOf(directory, inodeNumber), layout));
    places.set(directory, { inodeNumber, inode });
  }
  return { inodes: inodes.bytes(), listings: listings.bytes(), rootInode: places.get(tree.root)!.inode };
}

function encodeInode({ entry }: Tree['others'][number], header: InodeHeader, data: DataArea): Uint8Array {
  if (entry.kind === 'file') return encodeFileInode(header, data.layouts.get(entry)!);
  if (entry.kind === 'symlink') return encodeSymlinkInode(header, Buffer.from(entry.target));
  return encodeDeviceInode(entry.kind, header, entry);
}

function listingOf(directory: DirectoryNode, places: ReadonlyMap<TreeNode, NodePlace>): ListingEntry[] {
  return directory.children.map((child) => ({
    nameBytes: child.nameBytes,
    kind: child.entry.kind,
    ...places.get(child)!,
  }));
}

function encodeFragments({ fragments }: DataArea): Uint8Array {
  const bytes = new Uint8Array(fragments.length * FRAGMENT_ENTRY_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [i, { startBytes, word }] of fragments.entries()) {
    view.setBigUint64(i * FRAGMENT_ENTRY_SIZE, BigInt(startBytes), true); // start_block
    view.setUint32(i * FRAGMENT_ENTRY_SIZE + 8, word, true); // size
    // 12-15: unused
  }
  return bytes;
}

function encodeIds(ids: ReadonlyMap<number, number>): Uint8Array {
  const bytes = new Uint8Array(ids.size * 4);
  const view = new DataView(bytes.buffer);
  for (const [id, index] of ids) view.setUint32(index * 4, id, true);
  return bytes;
}

/** Metadata blocks at `startBytes`, then the list of where each of them is; the superblock points at that list. */
function encodeIndexedTable(raw: Uint8Array, startBytes: number): { bytes: Uint8Array; indexStart: number } {
  const framed = frameMetadata(raw);
  const blockCount = Math.ceil(raw.length / METADATA_SIZE);
  const index = new Uint8Array(blockCount * 8);
  const view = new DataView(index.buffer);
  for (let i = 0; i < blockCount; i++) {
    view.setBigUint64(i * 8, BigInt(startBytes + metadataRef(i * METADATA_SIZE).blockStart), true);
  }
  return { bytes: Buffer.concat([framed, index]), indexStart: startBytes + framed.length };
}
