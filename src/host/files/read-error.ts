// What is in the way of a file of the user's, in words.

import { UserError } from '../user-error.ts';

const READ_PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'it is not there',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the path is too long',
};

/** A UserError where the file system says that `cause.path` cannot be read; otherwise `cause` itself. */
export function describeReadError(cause: unknown, act?: string): unknown {
  const { code = '', path } = cause as NodeJS.ErrnoException;
  const problem = READ_PROBLEMS[code];
  // A UserError says it already, and of what.
  if (problem === undefined || path === undefined || cause instanceof UserError) return cause;
  const text = `cannot read "${path}": ${problem}`;
  return new UserError(act === undefined ? `C${text.slice(1)}` : `${act}: ${text}`, { cause });
}
