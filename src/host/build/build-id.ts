// The build id names an image by its content: a hash over every path, mode and content hash that goes into
// the root and the boot directory. It goes into the image itself, so the one file that carries it is left out.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { FileContent, RootEntry } from './root-tree.ts';

export async function hashContent(content: FileContent): Promise<string> {
  if (content.kind === 'bytes') return createHash('sha256').update(content.bytes).digest('hex');
  if (content.sha256 !== undefined) return content.sha256;
  const hash = createHash('sha256');
  await pipeline(createReadStream(content.path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

/** One line an entry, in the order of its path, so that the order of adding does not matter. */
export async function describeEntries(entries: readonly RootEntry[]): Promise<string[]> {
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const head = `${entry.path} ${entry.kind} ${entry.mode.toString(8)} ${entry.uid ?? 0}:${entry.gid ?? 0}`;
      if (entry.kind === 'file') return `${head} ${await hashContent(entry.content)}`;
      return entry.kind === 'symlink' ? `${head} ${entry.target}` : head;
    }),
  );
  return lines.toSorted();
}

export function buildIdOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}
