// The build id names an image by its content: a hash over every path, mode and content hash that goes into
// the root and the boot directory. It goes into the image itself, so the one file that carries it is left out.

import { createHash } from 'node:crypto';
import { sha256OfFile } from '../components/file-hash.ts';
import { describeReadError } from '../files/read-error.ts';
import type { FileContent, RootEntry } from '../root-tree.ts';

/** An app may include any number of files, and a process may have few open: 1024 on many a system. */
const FILES_AT_ONCE = 32;

/** A file is read once and its hash kept: the build id, the manifest and the image then mean the same bytes. */
export async function hashContent(content: FileContent): Promise<string> {
  if (content.kind === 'bytes') return createHash('sha256').update(content.bytes).digest('hex');
  if (content.sha256 !== undefined) return content.sha256;
  try {
    content.sha256 = await sha256OfFile(content.path);
  } catch (error) {
    throw describeReadError(error);
  }
  return content.sha256;
}

/** One line an entry, in the order of its path, so that the order of adding does not matter. */
export async function describeEntries(entries: readonly RootEntry[]): Promise<string[]> {
  const lines: string[] = [];
  const left = entries.values();
  const describeRest = async (): Promise<void> => {
    for (const entry of left) lines.push(await describeEntry(entry));
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, describeRest));
  return lines.toSorted();
}

async function describeEntry(entry: RootEntry): Promise<string> {
  const head = `${entry.path} ${entry.kind} ${entry.mode.toString(8)} ${entry.uid ?? 0}:${entry.gid ?? 0}`;
  if (entry.kind === 'file') return `${head} ${await hashContent(entry.content)}`;
  return entry.kind === 'symlink' ? `${head} ${entry.target}` : head;
}

export function buildIdOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}
