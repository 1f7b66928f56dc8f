// Secrets that are drawn once and kept in an instance's state directory, where only their owner can read them.

import { randomBytes } from 'node:crypto';
import { chmod, link, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DirectoryError, makeDirectory } from './make-directory.ts';
import { writeProblem } from './write-problem.ts';
import { UserError } from '../user-error.ts';

/** A directory that only its owner can look into, and that no repository takes. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await refuseLostLink(path);
  try {
    const isNew = await makeDirectory(path, { mode: 0o700 });
    if (isNew) await writeFile(join(path, '.gitignore'), '*\n');
    const { mode } = await stat(path);
    // An older or copied directory may be open to others.
    if ((mode & 0o777) !== 0o700) await chmod(path, 0o700);
  } catch (error) {
    throw describePrivateError(error instanceof DirectoryError ? error.cause : error, path);
  }
}

/** Secrets may lie on a volume that is not always there. Others in its place would be worse than none. */
async function refuseLostLink(path: string): Promise<void> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined || (await stat(path).catch(() => undefined)) !== undefined) return;
  throw new UserError(`Cannot use "${path}": it is a link to "${target}", which is not there`, {
    hint: 'Mount the volume that has it, or put the directory itself in the place of the link.',
  });
}

/** The content, trimmed, of a file that is there; otherwise it is made. Two builds at once agree on one content. */
export async function readOrCreatePrivateFile(path: string, create: () => string): Promise<string> {
  const present = await readFileIfPresent(path);
  if (present !== undefined) return present.trim();
  await withTemporary(path, create(), async (temporary) => {
    try {
      // A link, unlike a rename, loses against a file that is there.
      await link(temporary, path);
    } catch (error) {
      // A file system without links (exFAT, some network shares).
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rename(temporary, path);
    }
  });
  return (await readFile(path, 'utf8')).trim();
}

/** A text ends with a newline then; bytes are as they are. */
export async function replacePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  await withTemporary(path, content, (temporary) => rename(temporary, path));
}

export async function movePrivateFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    throw describePrivateError(error, to);
  }
}

export async function readFileIfPresent(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    // One that was copied may have become readable by others; some file systems know no better.
    if ((mode & 0o077) !== 0) await chmod(path, 0o600).catch(() => undefined);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      await refuseLostLink(path);
      return undefined;
    }
    throw describePrivateError(error, path);
  }
}

async function withTemporary(
  path: string,
  content: string | Uint8Array,
  put: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    // The key is on the disk before it has its name: one that is lost to a power cut cannot be drawn again.
    await writeFile(temporary, typeof content === 'string' ? `${content}\n` : content, {
      mode: 0o600,
      flush: true,
    });
    await put(temporary);
  } catch (error) {
    throw describePrivateError(error, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** What is in the place of a secret or of its directory. */
const IN_THE_WAY: Readonly<Record<string, string>> = {
  EISDIR: 'it is a directory',
  EEXIST: 'it is not a directory',
  ENOTDIR: 'it is not a directory',
};

/** A UserError where the user can mend what the file system refuses; otherwise `cause` itself. */
export function describePrivateError(cause: unknown, path: string): unknown {
  const { code = '' } = cause as NodeJS.ErrnoException;
  const problem = IN_THE_WAY[code] ?? writeProblem(cause);
  if (problem === undefined) return cause;
  const hint = HINTS[code];
  return new UserError(`Cannot use "${path}": ${problem}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

const OWNER_HINT =
  'Is it yours? What tsk made as another user, with sudo say, you get with "sudo chown -R $USER .tskrazy".';

const HINTS: Readonly<Record<string, string>> = {
  EACCES: OWNER_HINT,
  EPERM: OWNER_HINT,
  EROFS: 'A build keeps its password, keys and work there: copy the instance to where it can be written.',
  ENOSPC: 'Free some space.',
  EDQUOT: 'Free some space.',
  EEXIST: 'Move that file away.',
  ENOTDIR: 'Move that file away.',
};
