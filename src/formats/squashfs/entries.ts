// What goes into an image, and the tree made of it: checked, with parents linked and names in byte order.

import type { ByteSource } from '../byte-source.ts';
import { NAME_MAX_BYTES, SYMLINK_MAX_BYTES } from './superblock.ts';

interface EntryBase {
  /** Absolute and normalised; `/` is the root directory. */
  path: string;
  /** Permission bits, set-id and sticky bits included. */
  mode: number;
  uid: number;
  gid: number;
  mtimeSec: number;
}

export interface SquashfsFile extends EntryBase {
  kind: 'file';
  content: ByteSource;
  /** SHA-256 of the content in hex, if known: finds duplicates without reading and is the key for `packed`. */
  contentKey?: string;
  /** Files of different layers share no fragment block. */
  layer: string;
}
export interface SquashfsDirectory extends EntryBase {
  kind: 'directory';
}
export interface SquashfsSymlink extends EntryBase {
  kind: 'symlink';
  target: string;
}
interface SquashfsDevice extends EntryBase {
  kind: 'char-device' | 'block-device';
  major: number;
  minor: number;
}
export type SquashfsEntry = SquashfsFile | SquashfsDirectory | SquashfsSymlink | SquashfsDevice;

export interface TreeNode<Entry extends SquashfsEntry = SquashfsEntry> {
  readonly entry: Entry;
  /** Bytes of the last path component; empty for the root. */
  readonly nameBytes: Uint8Array;
  /** The root is its own parent. */
  readonly parent: DirectoryNode;
}
export interface DirectoryNode extends TreeNode<SquashfsDirectory> {
  readonly children: TreeNode[];
}

export interface Tree {
  root: DirectoryNode;
  /** Nodes in input order. */
  others: readonly TreeNode<Exclude<SquashfsEntry, SquashfsDirectory>>[];
  /** Children before their parents, so that the root is the last. */
  directories: readonly DirectoryNode[];
}

export function isDirectoryNode(node: TreeNode): node is DirectoryNode {
  return node.entry.kind === 'directory';
}

export function buildTree(entries: readonly SquashfsEntry[], rootMtimeSec: number): Tree {
  const directories = new Map<string, DirectoryNode>();
  const root = addRoot(entries, rootMtimeSec);
  directories.set('/', root);
  // Parents may follow their children in the input, and sorting puts them first.
  const directoryEntries = entries.filter((entry) => entry.kind === 'directory' && entry.path !== '/');
  for (const entry of directoryEntries.sort(byPath) as SquashfsDirectory[]) {
    const nameBytes = checkEntry(entry);
    const parent = parentOf(entry.path, directories);
    if (directories.has(entry.path)) throw new RangeError(`Cannot add "${entry.path}": it is there twice`);
    const node: DirectoryNode = { entry, nameBytes, parent, children: [] };
    directories.set(entry.path, node);
    parent.children.push(node);
  }
  const others: Tree['others'][number][] = [];
  for (const entry of entries) {
    if (entry.kind === 'directory') continue;
    const nameBytes = checkEntry(entry);
    const parent = parentOf(entry.path, directories);
    const node = { entry, nameBytes, parent };
    others.push(node);
    parent.children.push(node);
  }
  for (const directory of directories.values()) sortChildren(directory);
  return { root, others, directories: [...directories.values()].reverse() };
}

function addRoot(entries: readonly SquashfsEntry[], mtimeSec: number): DirectoryNode {
  const given = entries.filter((entry) => entry.path === '/');
  const entry = given[0] ?? { kind: 'directory', path: '/', mode: 0o755, uid: 0, gid: 0, mtimeSec };
  if (given.length > 1) throw new RangeError('Cannot add "/": it is there twice');
  if (entry.kind !== 'directory') throw new RangeError(`Cannot add "/": it is a ${entry.kind}`);
  checkNumbers(entry);
  const root = { entry, nameBytes: new Uint8Array(0), children: [] as TreeNode[] } as {
    -readonly [Key in keyof DirectoryNode]: DirectoryNode[Key];
  };
  root.parent = root;
  return root;
}

function parentOf(path: string, directories: ReadonlyMap<string, DirectoryNode>): DirectoryNode {
  const parentPath = path.slice(0, path.lastIndexOf('/')) || '/';
  const parent = directories.get(parentPath);
  if (!parent) throw new RangeError(`Cannot add "${path}": "${parentPath}" is not among the directories`);
  return parent;
}

/** The kernel stops looking for a name at the first one that is greater, so the order is by bytes. */
function sortChildren(directory: DirectoryNode): void {
  directory.children.sort((a, b) => Buffer.compare(a.nameBytes, b.nameBytes));
  for (const [i, child] of directory.children.entries()) {
    const next = directory.children[i + 1];
    if (next && Buffer.compare(child.nameBytes, next.nameBytes) === 0) {
      throw new RangeError(`Cannot add "${child.entry.path}": it is there twice`);
    }
  }
}

/** Deterministic and parents first; no more is asked of it. */
function byPath(a: SquashfsEntry, b: SquashfsEntry): number {
  if (a.path === b.path) return 0;
  return a.path < b.path ? -1 : 1;
}

/** The bytes of the entry's name. */
function checkEntry(entry: SquashfsEntry): Uint8Array {
  const { path } = entry;
  if (!/^(\/[^/]+)+$/.test(path) || /\/\.\.?(\/|$)/.test(path)) {
    throw new RangeError(`Cannot add "${path}": not an absolute, normalised path`);
  }
  checkText(path, path);
  checkNumbers(entry);
  const nameBytes = Buffer.from(path.slice(path.lastIndexOf('/') + 1));
  if (nameBytes.length > NAME_MAX_BYTES) {
    throw new RangeError(
      `Cannot add "${path}": its name has ${nameBytes.length} bytes, at most ${NAME_MAX_BYTES} fit`,
    );
  }
  if (entry.kind === 'symlink') {
    checkText(path, entry.target);
    const length = Buffer.byteLength(entry.target);
    if (length === 0 || length > SYMLINK_MAX_BYTES) {
      throw new RangeError(
        `Cannot add "${path}": its target has ${length} bytes, it must have 1 to ${SYMLINK_MAX_BYTES}`,
      );
    }
  }
  return nameBytes;
}

function checkText(path: string, text: string): void {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new RangeError(`Cannot add "${path}": a NUL or half a surrogate pair is in its name or target`);
  }
}

function checkNumbers(entry: SquashfsEntry): void {
  const check = (field: string, value: number, maximum: number): void => {
    if (Number.isInteger(value) && value >= 0 && value <= maximum) return;
    throw new RangeError(`Cannot add "${entry.path}": ${field} ${value} is not from 0 to ${maximum}`);
  };
  check('mode', entry.mode, 0o7777);
  check('uid', entry.uid, 0xffff_ffff);
  check('gid', entry.gid, 0xffff_ffff);
  check('mtimeSec', entry.mtimeSec, 0xffff_ffff);
  if (entry.kind === 'char-device' || entry.kind === 'block-device') {
    check('major', entry.major, 0xfff);
    check('minor', entry.minor, 0xf_ffff);
  }
}
