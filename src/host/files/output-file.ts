// An output file appears whole or not at all: written under a temporary name beside its target, then
// renamed. What a killed process leaves is named `.NAME.tsk-PID.tmp`, so that nobody takes it for the file;
// the next one that writes the same file removes it.

import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { processExists } from '../process-exists.ts';
import { UserError } from '../user-error.ts';
import { writeProblem } from './write-problem.ts';

/** Runs `write` with the temporary path; `signal` aborts between the write and the rename too. */
export async function writeOutputFile<T>(
  path: string,
  what: string,
  write: (temporaryPath: string) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const target = resolve(path);
  await checkOutputTarget(target, what);
  const temporary = join(dirname(target), `.${basename(target)}.tsk-${process.pid}.tmp`);
  try {
    await removeLeftovers(target);
    const result = await write(temporary);
    signal?.throwIfAborted();
    await rename(temporary, target);
    return result;
  } catch (cause) {
    // That nothing could be written is the news; the rest of it may stay.
    await rm(temporary, { force: true }).catch(() => {});
    throw describeWriteError(cause, `Cannot write ${what} to "${target}"`);
  }
}

async function removeLeftovers(target: string): Promise<void> {
  const prefix = `.${basename(target)}.tsk-`;
  for (const name of await readdir(dirname(target))) {
    const pid = name.startsWith(prefix) ? /^(\d+)\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid === undefined || (Number(pid) !== process.pid && processExists(Number(pid)))) continue;
    await rm(join(dirname(target), name), { force: true });
  }
}

/** What can be known before the work is done; `path` is checked again when the file is written. */
export async function checkOutputTarget(path: string, what: string): Promise<void> {
  const target = resolve(path);
  const directory = await stat(dirname(target)).catch(() => undefined);
  if (!directory?.isDirectory()) {
    throw new UserError(`Cannot write ${what} to "${target}": "${dirname(target)}" is not a directory`, {
      hint: 'Create the directory or name another path.',
    });
  }
  const present = await stat(target).catch(() => undefined);
  if (present && !present.isFile()) {
    throw new UserError(`Cannot write ${what} to "${target}": it exists and is not a regular file`, {
      hint: present.isBlockDevice()
        ? `Write to a device with "tsk flash ${target}", which checks it first.`
        : 'Name another path.',
    });
  }
}

/** A UserError where the file system refuses what the user can mend; otherwise `cause` itself. */
export function describeWriteError(cause: unknown, act: string): unknown {
  const problem = writeProblem(cause);
  // A UserError says it already, and of what.
  if (problem === undefined || cause instanceof UserError) return cause;
  return new UserError(`${act}: ${problem}`, { cause });
}
