// A lock between processes on one machine. SQLite takes a kernel lock on the file, so that a holder which dies
// frees it: there is no stale lock to find out about (a lock file with a process number would need that).

import { rm, writeFile } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 50;
/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/** Keeps open connections from the garbage collector, which would close them and so free the lock. */
const held = new Set<unknown>();

/** Runs `action` while no other process (and no other caller in this one) holds the lock at `path`. */
export async function withFileLock<T>(
  path: string,
  action: () => Promise<T>,
  options: { onWait?: () => void } = {},
): Promise<T> {
  const database = await openDatabase(path);
  held.add(database);
  try {
    // A blocking wait inside SQLite would stop the event loop.
    database.exec('PRAGMA busy_timeout = 0');
    let hasWaited = false;
    while (!(await tryBegin(database, path))) {
      if (!hasWaited) options.onWait?.();
      hasWaited = true;
      await sleep(RETRY_MS);
    }
    return await action();
  } finally {
    held.delete(database);
    database.close();
  }
}

async function openDatabase(path: string): Promise<DatabaseSync> {
  const { DatabaseSync } = loadSqlite();
  try {
    return new DatabaseSync(path);
  } catch (error) {
    throw await explainSqliteError(error, path);
  }
}

async function tryBegin(database: DatabaseSync, path: string): Promise<boolean> {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw await explainSqliteError(error, path);
  }
}

/**
 * SQLite keeps the system's reason to itself; making a file beside the lock tells it. Opening the lock file would
 * not do: closing it again frees every lock that this process has on it (fcntl(2), "Advisory record locking").
 */
async function explainSqliteError(error: unknown, path: string): Promise<unknown> {
  const probe = `${path}.${process.pid}`;
  try {
    await writeFile(probe, 'x');
    await rm(probe);
  } catch (reason) {
    return reason;
  }
  return error;
}

/**
 * Node.js 22 warns on stderr that this module is experimental; what is used of it here has not changed since.
 * Loaded without `await`, so that no other warning falls into the silence.
 */
function loadSqlite(): typeof import('node:sqlite') {
  const original = Object.getOwnPropertyDescriptor(process, 'emitWarning');
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    if (original) Object.defineProperty(process, 'emitWarning', original);
  }
}
