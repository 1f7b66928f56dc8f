// Reads SquashFS 4.0 images compressed with zlib: ours and those of mksquashfs. Trusts no length, offset or
// count in them: a damaged image ends in an error, after work and memory bounded by what is really there.
// Leaves out xattrs and the NFS export table. Paths are taken literally: symbolic links are not followed.

import type { ByteSource } from '../byte-source.ts';
import { readListing, type ListingEntry } from './directory.ts';
import { openFileContent, FragmentBlocks } from './file-content.ts';
import {
  decodeInode,
  readDirectoryIndex,
  readFileLayout,
  type FileLayout,
  type Inode,
  type InodeKind,
} from './inode.ts';
import { MetadataTable } from './metadata.ts';
import {
  decodeSuperblock,
  METADATA_SIZE,
  SUPERBLOCK_SIZE,
  type MetadataRef,
  type Superblock,
} from './superblock.ts';

interface SquashfsStat {
  path: string;
  kind: InodeKind;
  mode: number;
  uid: number;
  gid: number;
  mtimeSec: number;
  inodeNumber: number;
  linkCount: number;
  /** Size of a file's content; 0 for all else. */
  sizeBytes: number;
  /** Target of a symlink. */
  target?: string;
  /** Numbers of a device. */
  device?: { major: number; minor: number };
}

/** A stat that came from the same reader saves looking its path up again. */
type PathOrStat = string | SquashfsStat;

export interface SquashfsReader {
  readonly superblock: Superblock;
  /** Names in a directory, in byte order. */
  list(directory: PathOrStat): Promise<string[]>;
  stat(path: string): Promise<SquashfsStat>;
  readlink(symlink: PathOrStat): Promise<string>;
  /** The whole content; refused when it is larger than `maxBytes` (1 GiB): a damaged size may say anything. */
  readFile(file: PathOrStat, options?: { maxBytes?: number }): Promise<Uint8Array>;
  /** The content as a source, for files of any size. */
  openFile(file: PathOrStat): Promise<ByteSource>;
  /** Extents of the content in the image. */
  readLayout(file: PathOrStat): Promise<FileLayout>;
  /** Everything in the image, the root first, parents before their children. */
  entries(): AsyncGenerator<SquashfsStat>;
}

interface Image {
  source: ByteSource;
  superblock: Superblock;
  inodes: MetadataTable;
  directories: MetadataTable;
  fragments: FragmentBlocks;
  ids: Uint32Array;
  /** Behind each stat that was handed out. */
  known: WeakMap<SquashfsStat, Inode>;
}

export async function openSquashfs(source: ByteSource): Promise<SquashfsReader> {
  const image = await openImage(source);
  const layoutOf = async (file: PathOrStat): Promise<FileLayout> => {
    const { inode, path } = await find(image, file);
    if (!inode.file) throw fileError('EISDIR', path, `it is a ${inode.kind}, not a file`);
    return readFileLayout(inode.file, image.inodes.cursor(inode.listAt), image.superblock.blockSizeBytes);
  };
  const openFile = async (file: PathOrStat): Promise<ByteSource> =>
    openFileContent(image, await layoutOf(file));
  return {
    superblock: image.superblock,
    openFile,
    readLayout: layoutOf,
    async list(directory) {
      const { inode, path } = await find(image, directory);
      const entries = await listingOf(image, inode, path);
      return entries.map(({ name }) => name);
    },
    async stat(path) {
      return statOf(image, path, (await find(image, path)).inode);
    },
    async readlink(symlink) {
      const { inode, path } = await find(image, symlink);
      if (inode.target === undefined) throw fileError('EINVAL', path, `it is a ${inode.kind}, not a symlink`);
      return inode.target;
    },
    async readFile(file, { maxBytes = 2 ** 30 } = {}) {
      const content = await openFile(file);
      if (content.sizeBytes > maxBytes) {
        throw new RangeError(
          `Cannot read "${typeof file === 'string' ? file : file.path}" at once: it has ${content.sizeBytes} bytes, the limit is ${maxBytes}`,
        );
      }
      return content.read(0, content.sizeBytes);
    },
    entries: () => walk(image),
  };
}

async function openImage(source: ByteSource): Promise<Image> {
  if (source.sizeBytes < SUPERBLOCK_SIZE) {
    throw new SyntaxError(`Cannot read the squashfs image: it has only ${source.sizeBytes} bytes`);
  }
  const superblock = decodeSuperblock(await source.read(0, SUPERBLOCK_SIZE), source.sizeBytes);
  const { inodeTableStart, directoryTableStart, bytesUsed } = superblock;
  const ids = await readIds(source, superblock);
  return {
    source,
    superblock,
    inodes: new MetadataTable(source, inodeTableStart, directoryTableStart),
    // The next table's start is not in the superblock, so a damaged listing may run on into it.
    directories: new MetadataTable(source, directoryTableStart, bytesUsed),
    fragments: new FragmentBlocks(source, superblock),
    ids,
    known: new WeakMap(),
  };
}

async function readIds(
  source: ByteSource,
  { idCount, idTableStart, bytesUsed }: Superblock,
): Promise<Uint32Array> {
  const idsPerBlock = METADATA_SIZE / 4;
  const pointerBytes = Math.ceil(idCount / idsPerBlock) * 8;
  if (idTableStart + pointerBytes > bytesUsed) {
    throw new SyntaxError(
      `Cannot read the squashfs image: ${idCount} ids at ${idTableStart} of ${bytesUsed} bytes`,
    );
  }
  const pointers = await source.read(idTableStart, pointerBytes);
  const pointerView = new DataView(pointers.buffer, pointers.byteOffset, pointers.byteLength);
  const blocks = new MetadataTable(source, 0, idTableStart);
  const ids = new Uint32Array(idCount);
  for (let first = 0; first < idCount; first += idsPerBlock) {
    const blockStart = Number(pointerView.getBigUint64((first / idsPerBlock) * 8, true));
    const count = Math.min(idsPerBlock, idCount - first);
    const view = await blocks.cursor({ blockStart, offset: 0 }).view(count * 4);
    for (let i = 0; i < count; i++) ids[first + i] = view.getUint32(i * 4, true);
  }
  return ids;
}

function fileError(code: string, path: string, problem: string): Error {
  return Object.assign(new Error(`Cannot read "${path}" of the squashfs image: ${problem}`), { code });
}

async function readInode(image: Image, ref: MetadataRef): Promise<Inode> {
  return decodeInode(image.inodes.cursor(ref));
}

function statOf(image: Image, path: string, inode: Inode): SquashfsStat {
  const { kind, mode, mtimeSec, inodeNumber, linkCount, target, device, uidIndex, gidIndex } = inode;
  const uid = image.ids[uidIndex];
  const gid = image.ids[gidIndex];
  if (uid === undefined || gid === undefined) {
    throw new SyntaxError(
      `Cannot read "${path}" of the squashfs image: its uid or gid is not in the id table`,
    );
  }
  const stat: SquashfsStat = {
    path,
    kind,
    mode,
    uid,
    gid,
    mtimeSec,
    inodeNumber,
    linkCount,
    sizeBytes: inode.file?.sizeBytes ?? 0,
    ...(target === undefined ? {} : { target }),
    ...(device === undefined ? {} : { device }),
  };
  image.known.set(stat, inode);
  return stat;
}

async function find(image: Image, pathOrStat: PathOrStat): Promise<{ path: string; inode: Inode }> {
  const path = typeof pathOrStat === 'string' ? pathOrStat : pathOrStat.path;
  const known = typeof pathOrStat === 'string' ? undefined : image.known.get(pathOrStat);
  if (known) return { path, inode: known };
  let inode = await readInode(image, image.superblock.rootInode);
  for (const name of path.split('/')) {
    if (name === '') continue;
    if (!inode.directory) throw fileError('ENOTDIR', path, `what is above "${name}" is a ${inode.kind}`);
    const entry = await findInDirectory(image, inode, Buffer.from(name));
    if (!entry) throw fileError('ENOENT', path, `there is no "${name}"`);
    inode = await readEntryInode(image, entry, path);
  }
  return { path, inode };
}

async function readEntryInode(image: Image, entry: ListingEntry, path: string): Promise<Inode> {
  const inode = await readInode(image, entry.inode);
  if (inode.kind !== entry.kind) {
    throw new SyntaxError(
      `Cannot read "${path}" of the squashfs image: its directory says ${entry.kind}, its inode ${inode.kind}`,
    );
  }
  return inode;
}

/** The kernel's way: the last index entry that is not greater than the name, then on from there. */
async function findInDirectory(
  image: Image,
  { directory, listAt }: Inode,
  name: Uint8Array,
): Promise<ListingEntry | undefined> {
  const { blockStart, offset, listingBytes, indexCount } = directory!;
  let from: MetadataRef = { blockStart, offset };
  let skipBytes = 0;
  for (const indexed of await readDirectoryIndex(indexCount, image.inodes.cursor(listAt))) {
    if (Buffer.compare(indexed.nameBytes, name) > 0) break;
    skipBytes = indexed.listingOffset;
    from = { blockStart: indexed.blockStart, offset: (offset + skipBytes) % METADATA_SIZE };
  }
  for await (const run of readListing(image.directories.cursor(from), listingBytes - skipBytes)) {
    for (const entry of run) {
      const order = Buffer.compare(entry.nameBytes, name);
      if (order === 0) return entry;
      if (order > 0) return undefined;
    }
  }
  return undefined;
}

interface NamedEntry extends ListingEntry {
  name: string;
}

async function listingOf(image: Image, { directory, kind }: Inode, path: string): Promise<NamedEntry[]> {
  if (!directory) throw fileError('ENOTDIR', path, `it is a ${kind}, not a directory`);
  const entries: NamedEntry[] = [];
  for await (const run of readListing(image.directories.cursor(directory), directory.listingBytes)) {
    for (const entry of run) entries.push({ ...entry, name: decodeName(entry.nameBytes, path) });
  }
  return entries;
}

/** Names become paths, so those that would lead elsewhere are refused. */
function decodeName(nameBytes: Uint8Array, path: string): string {
  const name = Buffer.from(nameBytes).toString();
  if (name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new SyntaxError(
      `Cannot read "${path}" of the squashfs image: ${JSON.stringify(name)} is no file name`,
    );
  }
  return name;
}

async function* walk(image: Image): AsyncGenerator<SquashfsStat> {
  const pending = [{ path: '/', inode: await readInode(image, image.superblock.rootInode) }];
  const visited = new Set<string>();
  let listedBytes = 0;
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { path, inode } = next;
    yield statOf(image, path, inode);
    if (!inode.directory || inode.directory.listingBytes === 0) continue;
    const children = await listingOf(image, inode, path);
    // Each byte of the table belongs to one directory. A tree that is damaged into a loop, or into many
    // directories over the same bytes, would otherwise be walked for ever.
    const { blockStart, offset, listingBytes } = inode.directory;
    listedBytes += listingBytes;
    if (visited.has(`${blockStart}+${offset}`) || listedBytes > image.directories.loadedBytes) {
      throw new SyntaxError(
        `Cannot read "${path}" of the squashfs image: its listing belongs to another directory`,
      );
    }
    visited.add(`${blockStart}+${offset}`);
    for (const child of children.reverse()) {
      const childPath = path === '/' ? `/${child.name}` : `${path}/${child.name}`;
      pending.push({ path: childPath, inode: await readEntryInode(image, child, childPath) });
    }
  }
}
