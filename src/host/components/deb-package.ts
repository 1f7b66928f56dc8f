// Reads a Debian package (.deb): an `ar` archive with a compressed tar of the files in it. In memory: the packages
// used here unpack to a few MB. Leaves out control data and scripts: nothing of a package is ever run. deb(5)

import { open } from 'node:fs/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Readable } from 'node:stream';
import { type TarHeader, unpackTar } from 'modern-tar';
import xz from 'xz-decompress';
import { readAr } from '../../formats/ar.ts';
import type { ByteSource } from '../../formats/byte-source.ts';

export interface DebEntry {
  kind: 'file' | 'directory' | 'symlink';
  mode: number;
  /** Content of a file. */
  bytes: Uint8Array;
  /** Target of a symlink. */
  target: string;
}

/** The entries by path, without a leading `./` or `/`. Throws a SyntaxError for what is no well-formed package. */
export async function readDeb(
  path: string,
  wants: (path: string) => boolean = () => true,
): Promise<Map<string, DebEntry>> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const source: ByteSource = {
      sizeBytes: size,
      async read(offsetBytes, lengthBytes) {
        const bytes = new Uint8Array(lengthBytes);
        const { bytesRead } = await handle.read(bytes, 0, lengthBytes, offsetBytes);
        if (bytesRead < lengthBytes) throw new RangeError(`Cannot read "${path}": it became shorter`);
        return bytes;
      },
    };
    return await readDebSource(source, wants);
  } catch (error) {
    if (!(error instanceof Error) || 'syscall' in error) throw error;
    throw new SyntaxError(`Cannot read Debian package "${path}": ${error.message}`, { cause: error });
  } finally {
    await handle.close();
  }
}

export async function readDebSource(
  source: ByteSource,
  wants: (path: string) => boolean = () => true,
): Promise<Map<string, DebEntry>> {
  const members = await readAr(source);
  const data = members.find((member) => member.name.startsWith('data.tar'));
  if (members[0]?.name !== 'debian-binary' || data === undefined) {
    throw new SyntaxError('it is an ar archive, but no Debian package');
  }
  return readData(data.name, await source.read(data.offsetBytes, data.sizeBytes), wants);
}

async function readData(
  name: string,
  bytes: Uint8Array,
  wants: (path: string) => boolean,
): Promise<Map<string, DebEntry>> {
  const tar = await decompress(name, bytes);
  const entries = new Map<string, DebEntry>();
  const hardLinks: { path: string; target: string }[] = [];
  for (const { header, data } of await unpackTar(tar, {
    strict: true,
    filter: (h) => wants(pathOf(h.name)),
  })) {
    const path = pathOf(header.name);
    const mode = header.mode ?? 0o644;
    const kind = KINDS[header.type ?? 'file'];
    if (header.type === 'link') hardLinks.push({ path, target: pathOf(header.linkname ?? '') });
    if (kind === undefined || path === '') continue;
    entries.set(path, { kind, mode, bytes: data ?? new Uint8Array(), target: header.linkname ?? '' });
  }
  for (const link of hardLinks) {
    const target = entries.get(link.target);
    if (target) entries.set(link.path, target);
  }
  return entries;
}

const KINDS: Partial<Record<NonNullable<TarHeader['type']>, DebEntry['kind']>> = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
};

function pathOf(name: string): string {
  return name
    .replace(/^(\.?\/)+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '');
}

async function decompress(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  switch (name) {
    case 'data.tar':
      return bytes;
    case 'data.tar.gz':
      return concat(Readable.from([bytes]).pipe(createGunzip()));
    case 'data.tar.zst':
      return concat(Readable.from([bytes]).pipe(createZstdDecompress()));
    case 'data.tar.xz':
      return decompressXz(bytes);
    default:
      throw new SyntaxError(`its "${name}" is compressed in a way that is not known`);
  }
}

let xzQueue: Promise<unknown> = Promise.resolve();

/** One at a time in a process, and always to the end: the decoder's WebAssembly instance is shared. */
function decompressXz(bytes: Uint8Array): Promise<Uint8Array> {
  const result = xzQueue.then(() => {
    const stream = new xz.XzReadableStream(new Blob([Uint8Array.from(bytes)]).stream());
    return concat(stream);
  });
  xzQueue = result.catch(() => {
    // The caller hears of it; the next in the queue need not.
  });
  return result;
}

async function concat(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
