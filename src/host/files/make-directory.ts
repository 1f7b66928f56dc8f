// The one way to make directories. Node's own recursive mkdir says ENOENT where the file system is read-only
// (it asks whether the directory is there after any refusal that it does not know, and answers with that), so
// nobody would hear why.

import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../user-error.ts';
import { writeProblem } from './write-problem.ts';

/** Callers that know better than its words what the directory is for go by `code`. */
export class DirectoryError extends UserError {
  override name = 'DirectoryError';
  /** Code of the system: EROFS, EACCES, ENOTDIR ... */
  readonly code: string;
  /** The directory that could not be made, or the file in its way. */
  readonly path: string;

  constructor(message: string, options: { code: string; path: string; hint: string; cause?: unknown }) {
    super(message, options);
    this.code = options.code;
    this.path = options.path;
  }
}

export interface DirectoryOptions {
  /** Mode of each directory that is made; 0777 without the umask's bits otherwise. */
  mode?: number;
  /** What to do when it cannot be made. */
  hint?: string;
}

/** Makes `path` and what is missing above it. Returns whether `path` is new. */
export async function makeDirectory(path: string, options: DirectoryOptions = {}): Promise<boolean> {
  const target = resolve(path);
  try {
    await mkdir(target, options.mode);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(target) !== target) {
      await makeDirectory(dirname(target), options);
      return makeDirectory(target, options);
    }
    const present = await stat(target).catch(() => undefined);
    if (present?.isDirectory()) return false;
    throw await explain(cause, target, options);
  }
}

async function explain(cause: unknown, target: string, { hint }: DirectoryOptions): Promise<unknown> {
  const { code = '' } = cause as NodeJS.ErrnoException;
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    const path = code === 'EEXIST' ? target : await fileInTheWay(target);
    const problem = path === target ? 'it is not a directory' : `"${path}" is not a directory`;
    return new DirectoryError(`Cannot make directory "${target}": ${problem}`, {
      code,
      path,
      hint: hint ?? 'Move that file away, or name another path.',
      cause,
    });
  }
  const problem = writeProblem(cause);
  if (problem === undefined) return cause;
  return new DirectoryError(`Cannot make directory "${target}": ${problem}`, {
    code,
    path: target,
    hint: hint ?? HINTS[code] ?? 'Name a path on another file system.',
    cause,
  });
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: `Name a path that you may write, or change who "ls -ld" says may write there.`,
  EPERM: `Name a path that you may write, or change who "ls -ld" says may write there.`,
  EROFS: 'Mount the file system for writing, or work in a copy on another one.',
  ENOSPC: 'Free some space.',
  EDQUOT: 'Free some space.',
  ENAMETOOLONG: 'Use shorter names.',
};

async function fileInTheWay(target: string): Promise<string> {
  const above = dirname(target);
  const present = await stat(above).catch(() => undefined);
  return present !== undefined || above === target ? above : fileInTheWay(above);
}
