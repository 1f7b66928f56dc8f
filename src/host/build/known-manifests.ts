// Manifests of the last builds, kept in the instance's state: what a device has of them needs not be sent again
// (shared/update/manifest-dictionary.ts). Nothing depends on them, and nobody is told when one cannot be kept.

import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { makeDirectory } from '../files/make-directory.ts';

/** Some 50 kB each. */
const KEPT = 16;
const NAME = /^[0-9a-f]{64}\.zst$/;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export async function rememberManifest(stateDirectory: string, manifest: Uint8Array): Promise<void> {
  const directory = directoryIn(stateDirectory);
  try {
    // Of an instance that has no state, none is made.
    await stat(stateDirectory);
    await makeDirectory(directory, { mode: 0o700 });
    const path = join(directory, `${hashOf(manifest)}.zst`);
    await writeFile(path, await compress(manifest));
    const now = new Date();
    await utimes(path, now, now);
    await forgetOldest(directory);
  } catch {
    // Without this manifest here, the next update sends its own whole.
  }
}

/** Of the first of these that is known; `sha256s`: in hex. */
export async function findManifest(
  stateDirectory: string,
  sha256s: readonly string[],
): Promise<{ sha256: string; manifest: Uint8Array } | null> {
  for (const sha256 of sha256s) {
    if (!NAME.test(`${sha256}.zst`)) continue;
    const path = join(directoryIn(stateDirectory), `${sha256}.zst`);
    try {
      const manifest = await decompress(await readFile(path));
      if (hashOf(manifest) !== sha256) continue;
      // However many builds come until the next update, it is that of a device.
      await utimes(path, new Date(), new Date());
      return { sha256, manifest };
    } catch {
      // Not there, or damaged.
    }
  }
  return null;
}

async function forgetOldest(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => NAME.test(name));
  const aged = await Promise.all(
    names.map(async (name) => ({ name, mtimeMs: (await stat(join(directory, name))).mtimeMs })),
  );
  const oldest = aged.toSorted((x, y) => y.mtimeMs - x.mtimeMs).slice(KEPT);
  for (const { name } of oldest) await rm(join(directory, name), { force: true });
}

function directoryIn(stateDirectory: string): string {
  return join(stateDirectory, 'manifests');
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
