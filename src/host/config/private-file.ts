// Secrets that are drawn once and kept in an instance's state directory, where only their owner can read them.

import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';

/** The content, trimmed, of a file that is there; otherwise it is made. Two builds at once agree on one content. */
export async function readOrCreatePrivateFile(path: string, create: () => string): Promise<string> {
  const present = await readFileIfPresent(path);
  if (present !== undefined) return present.trim();
  const temporary = await writeTemporary(path, create());
  try {
    // A link, unlike a rename, loses against a file that is there.
    await link(temporary, path);
  } catch (error) {
    // A file system without links (exFAT, some network shares).
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}

export async function replacePrivateFile(path: string, content: string): Promise<void> {
  const temporary = await writeTemporary(path, content);
  try {
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

export async function readFileIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeTemporary(path: string, content: string): Promise<string> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(temporary, `${content}\n`, { mode: 0o600 });
  return temporary;
}
