// A toolbox as it is sent: one tar of the components' files and of ours, packed by zstd. The same files give the same bytes,
// so that a session which runs already is known by their hash. Kept in the cache, by what it consists of.

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { tarEnd, type TarEntry, tarHeader, tarPadding } from '../../formats/ustar.ts';
import type { Component } from '../components/component.ts';
import { makeDirectory } from '../files/make-directory.ts';
import { pathExists } from '../files/path-exists.ts';
import { UserError } from '../user-error.ts';
import { SESSION_FILES } from './session-files.ts';

const COMPRESSION_LEVEL = 12;

export interface Toolbox {
  path: string;
  sha256: string;
  sizeBytes: number;
  unpackedBytes: number;
}

/** A file of a toolbox, at its place there. */
export interface ToolboxFile extends TarEntry {
  sha256: string;
  content: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export async function packToolbox(files: readonly ToolboxFile[], cacheDirectory: string): Promise<Toolbox> {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const list = sorted.map(({ path, kind, mode, target, sha256 }) => [path, kind, mode, target, sha256]);
  const key = createHash('sha256')
    .update(JSON.stringify([COMPRESSION_LEVEL, list]))
    .digest('hex');
  const directory = join(cacheDirectory, 'toolboxes');
  const path = join(directory, `${key.slice(0, 32)}.tar.zst`);
  if (!(await pathExists(path))) {
    await makeDirectory(directory);
    const temporary = `${path}.${process.pid}`;
    try {
      const params = { [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL };
      await pipeline(
        Readable.from(tarOf(sorted)),
        createZstdCompress({ params }),
        createWriteStream(temporary),
      );
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  }
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  const unpackedBytes = sorted.reduce((sum, file) => sum + file.sizeBytes, 0);
  return { path, sha256: hash.digest('hex'), sizeBytes, unpackedBytes };
}

async function* tarOf(files: readonly ToolboxFile[]): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    yield tarHeader(file);
    if (file.kind !== 'file') continue;
    yield* file.content();
    yield tarPadding(file.sizeBytes);
  }
  yield tarEnd();
}

/** Files of ours, and a shell's usual name. */
export function ownFiles(): ToolboxFile[] {
  const texts = SESSION_FILES.map(({ path, mode, text }) => fileOfBytes(path, mode, Buffer.from(text)));
  return [...texts, symlinkTo('bin/sh', 'busybox')];
}

export function fileOfBytes(path: string, mode: number, bytes: Uint8Array): ToolboxFile {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path, kind: 'file', mode, sizeBytes: bytes.length, target: '', sha256, content: () => [bytes] };
}

export function symlinkTo(path: string, target: string): ToolboxFile {
  const sha256 = createHash('sha256').update(target).digest('hex');
  return { path, kind: 'symlink', mode: 0o777, sizeBytes: 0, target, sha256, content: () => [] };
}

export function filesOf(component: Component): ToolboxFile[] {
  return component.files.map((file) => {
    if (file.kind === 'symlink') return { ...symlinkTo(file.path, file.target ?? ''), mode: file.mode };
    const { path, mode, sizeBytes, sha256 } = file;
    const content = () => createReadStream(join(component.directory, path)) as AsyncIterable<Buffer>;
    return { path, kind: 'file' as const, mode, sizeBytes, target: '', sha256, content };
  });
}

/** Files by path; what several components have alike is taken once. Throws a UserError where they differ. */
export function mergeFiles(...sets: readonly (readonly ToolboxFile[])[]): ToolboxFile[] {
  const merged = new Map<string, ToolboxFile>();
  for (const file of sets.flat()) {
    const known = merged.get(file.path);
    if (known !== undefined && known.sha256 !== file.sha256)
      throw new UserError(`Cannot pack the toolbox: two of its tools bring different files "${file.path}"`, {
        hint: 'Bring both to one release with "tsk get -u", or give only one of them with --with.',
      });
    merged.set(file.path, file);
  }
  return [...merged.values()];
}
