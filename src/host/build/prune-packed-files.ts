// Keeps the cache of packed files from growing for ever: what no build has used for a month goes, then the
// least recently used until the rest is small enough. A file that another build reads right now may go too: it
// has it open, or takes it for absent.

import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../files/make-directory.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const KEPT_MS = 30 * DAY_MS;
const MAX_BYTES = 4 * 1024 ** 3;

/** A file's time of change is when it was last used, give or take this; less would be a write at every read. */
const USE_ACCURACY_MS = DAY_MS;

/** File whose time of change is when somebody last pruned. */
const MARKER_NAME = '.pruned';

interface CachedFile {
  path: string;
  sizeBytes: number;
  usedMs: number;
}

/** Has to be called after reading the file at `path`. A cache that cannot be written is none of the build's business. */
export async function noteUse(path: string): Promise<void> {
  const now = Date.now();
  try {
    if (now - (await stat(path)).mtimeMs > USE_ACCURACY_MS) await utimes(path, now / 1000, now / 1000);
  } catch {
    // Gone, or read-only.
  }
}

/** Once a day is enough; in between it returns at once. */
export async function prunePackedFiles(
  directory: string,
  limits: { keptMs: number; maxBytes: number } = { keptMs: KEPT_MS, maxBytes: MAX_BYTES },
): Promise<void> {
  const now = Date.now();
  const marker = join(directory, MARKER_NAME);
  try {
    const pruned = await stat(marker).catch(() => undefined);
    if (pruned && now - pruned.mtimeMs < DAY_MS) return;
    await makeDirectory(directory);
    await writeFile(marker, '');
    for (const path of expendable(await listFiles(directory), now - limits.keptMs, limits.maxBytes)) {
      await rm(path, { force: true });
    }
  } catch {
    // As with `noteUse`.
  }
}

async function listFiles(directory: string): Promise<CachedFile[]> {
  const files: CachedFile[] = [];
  for (const name of await readdir(directory)) {
    if (name === MARKER_NAME) continue;
    const path = join(directory, name);
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) files.push({ path, sizeBytes: info.size, usedMs: info.mtimeMs });
  }
  return files;
}

function expendable(files: readonly CachedFile[], oldestMs: number, maxBytes: number): string[] {
  let keptBytes = 0;
  return files
    .toSorted((a, b) => b.usedMs - a.usedMs)
    .filter(({ sizeBytes, usedMs }) => {
      keptBytes += sizeBytes;
      return usedMs < oldestMs || keptBytes > maxBytes;
    })
    .map(({ path }) => path);
}
