// Root tree -> root image: a squashfs file and its chunk list.

import { join } from 'node:path';
import { sourceOfBytes } from '../../formats/byte-source.ts';
import { FileContentError } from '../../formats/squashfs/prepared-files.ts';
import { zlibCompressor } from '../../formats/squashfs/zlib-compressor.ts';
import { type SquashfsEntry, writeSquashfs } from '../../formats/squashfs/writer.ts';
import type { Manifest } from '../../shared/manifest/manifest.ts';
import { FileDevice, sourceOfFile } from '../files/file-device.ts';
import { UserError } from '../user-error.ts';
import { chunkBorders, hashChunks } from './chunks.ts';
import { packedFileDirectory, packedFileStore } from './packed-files.ts';
import { prunePackedFiles } from './prune-packed-files.ts';
import type { Layer, RootEntry, RootTree } from '../root-tree.ts';
import { tooLarge, type WeighedFile } from './size-limit.ts';
import { abortableDevice } from './until-aborted.ts';
import { sizeOfFile, weighParts } from './weigh-parts.ts';

/** Level 9 takes 2.5 times as long and saves 0.25 % (docs/architecture.md). */
const ZLIB_LEVEL = 6;

export interface RootImageOptions {
  /** Written anew; must not exist. */
  path: string;
  cacheDirectory: string;
  mtimeSec: number;
  /** Size of the partition that it must fit into, with what updates need there. */
  maxBytes: number;
  updateBytes: number;
  signal?: AbortSignal;
}

export async function writeRootImage(tree: RootTree, options: RootImageOptions): Promise<Manifest['root']> {
  const entries = withParents(orderByLayer(tree.entries()));
  const device = await FileDevice.create(options.path, 0, 0o600);
  const packed = packedFileDirectory(options.cacheDirectory, `zlib-${ZLIB_LEVEL}`);
  let result;
  try {
    result = await writeSquashfs(
      entries.map((entry) => toSquashfs(entry, options.mtimeSec)),
      abortableDevice(device, options.signal),
      {
        mtimeSec: options.mtimeSec,
        compress: zlibCompressor(ZLIB_LEVEL),
        packed: packedFileStore(packed),
      },
    );
  } catch (error) {
    throw describeContentError(error, tree, options.cacheDirectory);
  } finally {
    await device.close();
  }
  const neededBytes = result.sizeBytes + options.updateBytes;
  if (neededBytes > options.maxBytes) {
    const room = { name: 'kept free for updates', sizeBytes: options.updateBytes };
    const sizes = { neededBytes, maxBytes: options.maxBytes };
    throw tooLarge('Cannot build the root image', sizes, [...weighFiles(entries), room], weighParts(entries));
  }
  await prunePackedFiles(packed);
  const image = await FileDevice.open(options.path, 'r');
  try {
    const { sha256, chunks } = await hashChunks(image, chunkBorders(result));
    return { sizeBytes: result.sizeBytes, sha256, chunks };
  } finally {
    await image.close();
  }
}

/**
 * Describes a failure with a file that was there when the build began: something was done to it since, or to its
 * record in the cache.
 */
function describeContentError(error: unknown, tree: RootTree, cacheDirectory: string): unknown {
  const entry = error instanceof FileContentError ? tree.get(error.path) : undefined;
  if (entry?.kind !== 'file' || entry.content.kind !== 'path') return error;
  const act = `Cannot add "${entry.content.path}" of ${entry.origin} to the image`;
  if (entry.content.path.startsWith(join(cacheDirectory, '/'))) {
    return new UserError(`${act}: it is not what was put into the cache`, {
      hint: `Run the command again; if it fails again, delete "${cacheDirectory}", which is then filled anew.`,
      cause: error,
    });
  }
  return new UserError(`${act}: it changed while the image was made`, {
    hint: 'Run the command again when nothing writes to that file.',
    cause: error,
  });
}

/** Runtime first, then our programs, apps by name, configuration last: what changes most often lies behind. */
function orderByLayer(entries: readonly RootEntry[]): RootEntry[] {
  return entries.toSorted(
    (a, b) => rankOf(a.layer) - rankOf(b.layer) || compare(a.layer, b.layer) || compare(a.path, b.path),
  );
}

function rankOf(layer: Layer): number {
  if (layer === 'runtime') return 0;
  if (layer === 'system') return 1;
  return layer === 'config' ? 3 : 2;
}

/** Directories that only occur in paths are made: 0755 root, in the layer of the configuration. */
function withParents(entries: readonly RootEntry[]): RootEntry[] {
  const paths = new Set(entries.map((entry) => entry.path));
  const parents: RootEntry[] = [];
  for (const { path, origin } of entries) {
    const parts = path.split('/').slice(1, -1);
    for (const index of parts.keys()) {
      const parent = `/${parts.slice(0, index + 1).join('/')}`;
      if (paths.has(parent)) continue;
      paths.add(parent);
      parents.push({ kind: 'directory', path: parent, mode: 0o755, layer: 'config', origin });
    }
  }
  return [...entries, ...parents];
}

function toSquashfs(entry: RootEntry, mtimeSec: number): SquashfsEntry {
  const base = { path: entry.path, mode: entry.mode, uid: entry.uid ?? 0, gid: entry.gid ?? 0, mtimeSec };
  if (entry.kind === 'directory') return { ...base, kind: 'directory' };
  if (entry.kind === 'symlink') return { ...base, kind: 'symlink', target: entry.target };
  const { content } = entry;
  const file = { ...base, kind: 'file', layer: entry.layer } as const;
  if (content.kind === 'bytes') return { ...file, content: sourceOfBytes(content.bytes) };
  const source = sourceOfFile(content.path, content.sizeBytes);
  return {
    ...file,
    content: source,
    ...(content.sha256 === undefined ? {} : { contentKey: content.sha256 }),
  };
}

function weighFiles(entries: readonly RootEntry[]): WeighedFile[] {
  return entries
    .filter((entry) => entry.kind === 'file')
    .map((entry) => ({ name: `${entry.path} (${entry.origin})`, sizeBytes: sizeOfFile(entry) }));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
