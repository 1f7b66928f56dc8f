// What is done with a file before its turn in the data area comes: its content is read if it is small,
// hashed if its key is not known but needed, and looked up in the cache of packed files. Many at once,
// because each of these waits for the disk.

import { createHash } from 'node:crypto';
import type { SquashfsFile } from './entries.ts';
import { BLOCK_SIZE_MASK, BLOCK_UNCOMPRESSED } from './superblock.ts';

/** A file's blocks, compressed: what a cache keeps of it. Depends on the block size and the compressor. */
export interface PackedFile {
  /** Size words as in the inode, `BLOCK_UNCOMPRESSED` (bit 24) included; 0 = a block of zeros. */
  blockWords: Uint32Array;
  data: Uint8Array;
}
export interface PackedFileStore {
  get(key: string): Promise<PackedFile | undefined>;
  put(key: string, file: PackedFile): Promise<void>;
}

export interface DataAreaOptions {
  blockSizeBytes: number;
  compress: (block: Uint8Array) => Promise<Uint8Array>;
  packed: PackedFileStore | undefined;
}

/** A file with all that is read of it before its turn comes. */
export interface PreparedFile {
  file: SquashfsFile;
  /** Two files with equal keys have equal content. */
  key: string | undefined;
  /** Bytes of a file smaller than a block. */
  bytes?: Uint8Array;
  packed?: PackedFile | undefined;
}

export const READ_BYTES = 1024 * 1024;
/** Contents of coming files that are read ahead, and how many at most. */
const AHEAD_BYTES = 16 * 1024 * 1024;
const AHEAD_FILES = 64;

/** Prepares in the order of `files`, a window of them at the same time. */
export async function* prepareFiles(
  files: readonly SquashfsFile[],
  options: DataAreaOptions,
): AsyncGenerator<PreparedFile> {
  const prepare = preparer(files, options);
  const ahead: { promise: Promise<PreparedFile>; sizeBytes: number }[] = [];
  let aheadBytes = 0;
  let next = 0;
  const hasRoom = (sizeBytes: number): boolean =>
    ahead.length === 0 || (ahead.length < AHEAD_FILES && aheadBytes + sizeBytes <= AHEAD_BYTES);
  try {
    while (next < files.length || ahead.length > 0) {
      for (; next < files.length && hasRoom(files[next]!.content.sizeBytes); next++) {
        const file = files[next]!;
        const promise = prepare(file);
        promise.catch(() => {}); // Seen when its turn comes, unless a file before it has failed.
        ahead.push({ promise, sizeBytes: file.content.sizeBytes });
        aheadBytes += file.content.sizeBytes;
      }
      const { promise, sizeBytes } = ahead.shift()!;
      yield await promise;
      aheadBytes -= sizeBytes;
    }
  } finally {
    await Promise.allSettled(ahead.map(({ promise }) => promise));
  }
}

function preparer(
  files: readonly SquashfsFile[],
  { blockSizeBytes, packed }: DataAreaOptions,
): (file: SquashfsFile) => Promise<PreparedFile> {
  const sizes = new Map<number, number>();
  for (const { content } of files) sizes.set(content.sizeBytes, (sizes.get(content.sizeBytes) ?? 0) + 1);
  const asked = new Set<string>();
  return async (file) => {
    const { content, contentKey } = file;
    if (content.sizeBytes === 0) {
      if (contentKey !== undefined) requireKey(file, contentKey, sha256(new Uint8Array()));
      return { file, key: undefined };
    }
    if (content.sizeBytes < blockSizeBytes) {
      const bytes = await readContent(file, 0, content.sizeBytes);
      if (contentKey !== undefined) requireKey(file, contentKey, sha256(bytes));
      return { file, key: contentKey ?? sha256(bytes), bytes };
    }
    // A file that has no twin in size has no duplicate, and without a cache need not be read twice.
    const needsKey = packed !== undefined || sizes.get(content.sizeBytes)! > 1;
    const key = contentKey ?? (needsKey ? await sha256OfFile(file) : undefined);
    if (key === undefined || !packed || asked.has(key)) return { file, key };
    asked.add(key);
    const hit = await packed.get(key);
    return { file, key, packed: hit && fitsFile(hit, content.sizeBytes, blockSizeBytes) ? hit : undefined };
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function sha256OfFile(file: SquashfsFile): Promise<string> {
  const { sizeBytes } = file.content;
  const hash = createHash('sha256');
  for (let at = 0; at < sizeBytes; at += READ_BYTES) {
    hash.update(await readContent(file, at, Math.min(READ_BYTES, sizeBytes - at)));
  }
  return hash.digest('hex');
}

export async function readContent(
  file: SquashfsFile,
  offsetBytes: number,
  lengthBytes: number,
): Promise<Uint8Array> {
  try {
    return await file.content.read(offsetBytes, lengthBytes);
  } catch (cause) {
    throw new FileContentError(file, 'its content cannot be read', { cause });
  }
}

/** A file whose content is not to be had, or is another than it was a moment ago. */
export class FileContentError extends Error {
  override name = 'FileContentError';
  readonly path: string;

  constructor({ path }: SquashfsFile, problem: string, options?: ErrorOptions) {
    super(`Cannot add "${path}": ${problem}`, options);
    this.path = path;
  }
}

/** Somebody may write to a file while an image is made of it: blocks of the new must not be kept as the old. */
export function requireKey(file: SquashfsFile, key: string, got: string): void {
  if (got !== key) throw new FileContentError(file, 'its content changed while the image was made');
}

/** A packed file of another block size, or a damaged one, is as good as none. */
export function fitsFile(
  { blockWords, data }: PackedFile,
  sizeBytes: number,
  blockSizeBytes: number,
): boolean {
  if (blockWords.length !== Math.ceil(sizeBytes / blockSizeBytes)) return false;
  let stored = 0;
  for (const [i, word] of blockWords.entries()) {
    const rawBytes = Math.min(blockSizeBytes, sizeBytes - i * blockSizeBytes);
    const blockBytes = word & BLOCK_SIZE_MASK;
    if (word & BLOCK_UNCOMPRESSED ? blockBytes !== rawBytes : blockBytes >= rawBytes) return false;
    stored += blockBytes;
  }
  return stored === data.length;
}
