// One update of a device at a time from this directory. Two computers are kept apart by the device; two runs in one
// directory have the same client id, and the second would take the session of the first.

import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withFileLock } from '../../components/file-lock.ts';
import { describePrivateError } from '../../files/private-file.ts';
import { UserError } from '../../user-error.ts';
import { clockTime } from './update-problems.ts';

interface Holder {
  pid: number;
  startedAtMs: number;
}

export interface LockedUpdate {
  stateDirectory: string;
  hostname: string;
  /** `--host`: an instance may have many devices, and each may be updated. */
  host: string | undefined;
}

export async function withUpdateLock<T>(update: LockedUpdate, action: () => Promise<T>): Promise<T> {
  const name = update.host === undefined ? 'update' : `update-${encodeURIComponent(update.host)}`;
  const path = join(update.stateDirectory, `${name}.lock`);
  const holderPath = `${path}.json`;
  const onWait = (): never => {
    throw alreadyRuns(update.hostname, readHolder(holderPath));
  };
  let isHeld = false;
  const act = async (): Promise<T> => {
    const holder: Holder = { pid: process.pid, startedAtMs: Date.now() };
    await writeFile(holderPath, JSON.stringify(holder));
    isHeld = true;
    try {
      return await action();
    } finally {
      await rm(holderPath, { force: true });
    }
  };
  try {
    return await withFileLock(path, act, { onWait });
  } catch (error) {
    throw isHeld ? error : describePrivateError(error, path);
  }
}

/** For the message only: the lock is the other file. */
function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    // The holder of the lock has not written yet who it is, or is done and has removed the file.
    return undefined;
  }
}

function alreadyRuns(hostname: string, holder: Holder | undefined): UserError {
  const who =
    holder === undefined
      ? 'another tsk updates it from this directory'
      : `another tsk (process ${holder.pid}) updates it from this directory since ${clockTime(holder.startedAtMs)}`;
  return new UserError(`Cannot update "${hostname}": ${who}`, {
    topic: 'update-busy',
    hint: 'Wait until it is done, or end it with Ctrl-C where it runs.',
  });
}
