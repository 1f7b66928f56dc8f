// Directory listings: runs of at most 256 entries that share a header. A listing that spans metadata
// blocks gets an index, with which the kernel finds a name without reading the listing from its start.
// Spec: fs/squashfs/squashfs_fs.h, structs squashfs_dir_header and squashfs_dir_entry; fs/squashfs/dir.c.

import { INODE_TYPES, type DirectoryIndexEntry, type InodeKind } from './inode.ts';
import { metadataRef, type MetadataCursor } from './metadata.ts';
import { METADATA_SIZE, NAME_MAX_BYTES, type MetadataRef } from './superblock.ts';

const HEADER_SIZE = 12;
const ENTRY_SIZE = 8;
const MAX_RUN = 256;
/** Inode numbers are stored as signed 16-bit differences to the one in the header. */
const MAX_NUMBER_DELTA = 0x7fff;

export interface ListingEntry {
  nameBytes: Uint8Array;
  kind: InodeKind;
  inodeNumber: number;
  inode: MetadataRef;
}

/** `entries` in byte order of their names; `position` is where the listing will begin in the raw table. */
export function encodeListing(
  entries: readonly ListingEntry[],
  position: number,
): { bytes: Uint8Array; index: DirectoryIndexEntry[] } {
  const runs = splitRuns(entries);
  const sizeBytes =
    runs.length * HEADER_SIZE +
    entries.reduce((sum, { nameBytes }) => sum + ENTRY_SIZE + nameBytes.length, 0);
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  const index: DirectoryIndexEntry[] = [];
  let reachableBlock = metadataRef(position).blockStart;
  let at = 0;
  for (const run of runs) {
    const first = run[0]!;
    const { blockStart } = metadataRef(position + at);
    if (sizeBytes > METADATA_SIZE && blockStart !== reachableBlock) {
      index.push({ listingOffset: at, blockStart, nameBytes: first.nameBytes });
      reachableBlock = blockStart;
    }
    view.setUint32(at, run.length - 1, true); // count
    view.setUint32(at + 4, first.inode.blockStart, true); // start_block
    view.setUint32(at + 8, first.inodeNumber, true); // inode_number
    at += HEADER_SIZE;
    for (const entry of run) {
      view.setUint16(at, entry.inode.offset, true); // offset
      view.setInt16(at + 2, entry.inodeNumber - first.inodeNumber, true); // inode_number
      view.setUint16(at + 4, INODE_TYPES[entry.kind], true); // type: always the basic form's
      view.setUint16(at + 6, entry.nameBytes.length - 1, true); // size
      bytes.set(entry.nameBytes, at + ENTRY_SIZE); // name
      at += ENTRY_SIZE + entry.nameBytes.length;
    }
  }
  return { bytes, index };
}

function splitRuns(entries: readonly ListingEntry[]): ListingEntry[][] {
  const runs: ListingEntry[][] = [];
  let run: ListingEntry[] = [];
  for (const entry of entries) {
    const first = run[0];
    const fits =
      first &&
      run.length < MAX_RUN &&
      entry.inode.blockStart === first.inode.blockStart &&
      Math.abs(entry.inodeNumber - first.inodeNumber) <= MAX_NUMBER_DELTA;
    if (!fits) runs.push((run = []));
    run.push(entry);
  }
  return runs;
}

const KINDS_BY_TYPE = new Map(
  Object.entries(INODE_TYPES).map(([kind, type]) => [type as number, kind as InodeKind]),
);

/** The entries of `listingBytes` bytes from the cursor on, one run at a time. */
export async function* readListing(
  cursor: MetadataCursor,
  listingBytes: number,
): AsyncGenerator<ListingEntry[]> {
  let left = listingBytes;
  while (left > 0) {
    left = spend(left, HEADER_SIZE);
    const header = await cursor.view(HEADER_SIZE);
    const count = header.getUint32(0, true) + 1;
    if (count > MAX_RUN) throw new SyntaxError(`Cannot read a directory: a header claims ${count} entries`);
    const run: ListingEntry[] = [];
    for (let i = 0; i < count; i++) {
      left = spend(left, ENTRY_SIZE);
      const entry = cursor.viewLoaded(ENTRY_SIZE) ?? (await cursor.view(ENTRY_SIZE));
      const type = entry.getUint16(4, true);
      const kind = KINDS_BY_TYPE.get(type);
      if (!kind) throw new SyntaxError(`Cannot read a directory: an entry has type ${type}`);
      const nameLength = entry.getUint16(6, true) + 1;
      if (nameLength > NAME_MAX_BYTES) {
        throw new SyntaxError(`Cannot read a directory: a name has ${nameLength} bytes`);
      }
      left = spend(left, nameLength);
      const nameBytes = cursor.readLoaded(nameLength) ?? (await cursor.read(nameLength));
      run.push({
        nameBytes,
        kind,
        inodeNumber: header.getUint32(8, true) + entry.getInt16(2, true),
        inode: { blockStart: header.getUint32(4, true), offset: entry.getUint16(0, true) },
      });
    }
    yield run;
  }
}

function spend(left: number, sizeBytes: number): number {
  if (sizeBytes > left) throw new SyntaxError('Cannot read a directory: an entry goes beyond its end');
  return left - sizeBytes;
}
