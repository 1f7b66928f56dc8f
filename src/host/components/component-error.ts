// The messages for what goes wrong with a component, in one place, because three sources share them.

import { proxyHint } from './env-proxy.ts';
import { DirectoryError } from '../files/make-directory.ts';
import { UserError } from '../user-error.ts';

/** A download that is not what the lock says. */
export function wrongHash(component: string, what: string, expected: string, got: string): UserError {
  return new UserError(
    `Cannot use component ${component}: "${what}" has a wrong hash: expected ${expected}, got ${got}`,
    {
      topic: 'download',
      hint:
        'Try again; if it stays so, the download was changed on its way or at its source: ' +
        'do not use it, or run "tsk get -u" when the new content is known to be right',
    },
  );
}

export function noNetwork(component: string, from: string, cause: unknown): UserError {
  return new UserError(`Cannot download component ${component} from "${from}": ${networkReason(cause)}`, {
    topic: 'download',
    hint: proxyHint() ?? 'Check the network connection and proxy settings, then run the command again',
    cause,
  });
}

export function notInCache(component: string, version: string): UserError {
  return new UserError(`Cannot use component ${component} ${version} offline: it is not in the cache`, {
    topic: 'offline',
    hint: 'Run "tsk get" once with a network connection',
  });
}

/** The innermost reason: `fetch failed` says nothing, its cause does. */
function networkReason(error: unknown): string {
  const inner = (error as { cause?: unknown }).cause;
  if (inner instanceof Error) return networkReason(inner);
  return error instanceof Error ? error.message : String(error);
}

const CACHE_PROBLEMS: Readonly<Record<string, { what: string; hint: string }>> = {
  EROFS: {
    what: 'the file system is read-only',
    hint: 'Set XDG_CACHE_HOME to a directory that can be written',
  },
  EACCES: { what: 'permission denied', hint: 'Set XDG_CACHE_HOME to a directory that you can write' },
  EPERM: { what: 'permission denied', hint: 'Set XDG_CACHE_HOME to a directory that you can write' },
  ENOTDIR: {
    what: 'a file is where a directory should be',
    hint: 'Move that file away, or set XDG_CACHE_HOME',
  },
  EEXIST: {
    what: 'a file is where a directory should be',
    hint: 'Move that file away, or set XDG_CACHE_HOME',
  },
  ENOSPC: {
    what: 'no space is left on the device',
    hint: 'Free some space, or set XDG_CACHE_HOME to another disk',
  },
  EDQUOT: {
    what: 'the disk quota is used up',
    hint: 'Free some space, or set XDG_CACHE_HOME to another disk',
  },
  // The error of a lock; why exactly, could not be found out.
  ERR_SQLITE_ERROR: {
    what: 'it cannot be locked',
    hint: 'Set XDG_CACHE_HOME to a directory on a local disk',
  },
};

export function isCacheProblem(code: string): boolean {
  return Object.hasOwn(CACHE_PROBLEMS, code);
}

/** Turns what can go wrong outside of this program into words: an unusable cache, a malformed archive. */
export function explainComponentError(component: string, cacheDirectory: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof UserError && !(error instanceof DirectoryError)) return error;
  if (error instanceof SyntaxError) {
    return new UserError(`Cannot use component ${component}: ${error.message}`, {
      hint: 'Run "tsk get -u" to move to the newest version, or correct the component in tskrazy.json',
      cause: error,
    });
  }
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const problem = CACHE_PROBLEMS[code];
  if (!problem) return error;
  const path = (error as NodeJS.ErrnoException).path ?? cacheDirectory;
  const place = path.startsWith(cacheDirectory) ? cacheDirectory : path;
  return new UserError(`Cannot use the component cache "${place}": ${problem.what}`, {
    hint: problem.hint,
    cause: error,
  });
}
