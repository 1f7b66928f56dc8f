// Root tree -> root image: a squashfs file and its chunk list.

import { sourceOfBytes } from '../../formats/byte-source.ts';
import { zlibCompressor } from '../../formats/squashfs/zlib-compressor.ts';
import { type SquashfsEntry, writeSquashfs } from '../../formats/squashfs/writer.ts';
import type { Manifest } from '../../shared/manifest.ts';
import { FileDevice, sourceOfFile } from '../files/file-device.ts';
import { UserError } from '../user-error.ts';
import { chunkBorders, hashChunks } from './chunks.ts';
import { packedFileStore } from './packed-files.ts';
import type { RootEntry, RootTree } from './root-tree.ts';

/** Level 9 takes 2.5 times as long and saves 0.25 % (docs/architecture.md). */
const ZLIB_LEVEL = 6;

export interface RootImageOptions {
  /** Written anew; must not exist. */
  path: string;
  cacheDirectory: string;
  mtimeSec: number;
  /** Size of the partition that it must fit into. */
  maxBytes: number;
}

export async function writeRootImage(tree: RootTree, options: RootImageOptions): Promise<Manifest['root']> {
  const entries = withParents(orderByLayer(tree.entries()));
  const device = await FileDevice.create(options.path, 0);
  let result;
  try {
    result = await writeSquashfs(
      entries.map((entry) => toSquashfs(entry, options.mtimeSec)),
      device,
      {
        mtimeSec: options.mtimeSec,
        compress: zlibCompressor(ZLIB_LEVEL),
        packed: packedFileStore(options.cacheDirectory, `zlib-${ZLIB_LEVEL}`),
      },
    );
  } finally {
    await device.close();
  }
  if (result.sizeBytes > options.maxBytes) throw tooLarge(result.sizeBytes, options.maxBytes, entries);
  const image = await FileDevice.open(options.path, 'r');
  try {
    const { sha256, chunks } = await hashChunks(image, chunkBorders(result));
    return { sizeBytes: result.sizeBytes, sha256, chunks };
  } finally {
    await image.close();
  }
}

/** Runtime first, then our programs, apps by name, configuration last: what changes most often lies behind. */
function orderByLayer(entries: readonly RootEntry[]): RootEntry[] {
  const rank = (entry: RootEntry): number =>
    entry.layer === 'runtime' ? 0 : entry.layer === 'system' ? 1 : entry.layer === 'config' ? 3 : 2;
  return entries.toSorted(
    (a, b) => rank(a) - rank(b) || compare(a.layer, b.layer) || compare(a.path, b.path),
  );
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
  switch (entry.kind) {
    case 'directory':
      return { ...base, kind: 'directory' };
    case 'symlink':
      return { ...base, kind: 'symlink', target: entry.target };
    case 'file': {
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
  }
}

const HEAVIEST = 5;

function tooLarge(sizeBytes: number, maxBytes: number, entries: readonly RootEntry[]): UserError {
  const heaviest = entries
    .flatMap((entry) => (entry.kind === 'file' ? [{ entry, bytes: fileSize(entry) }] : []))
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, HEAVIEST)
    .map(({ entry, bytes }) => `  ${formatMiB(bytes).padStart(9)}  ${entry.path} (${entry.origin})`);
  return new UserError(
    `Cannot build the root image: it has ${formatMiB(sizeBytes)}, ${formatMiB(sizeBytes - maxBytes)} more than its partition of ${formatMiB(maxBytes)}`,
    { hint: `The largest files before compression are:\n${heaviest.join('\n')}` },
  );
}

function fileSize(entry: RootEntry & { kind: 'file' }): number {
  return entry.content.kind === 'bytes' ? entry.content.bytes.length : entry.content.sizeBytes;
}

function formatMiB(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
