// Which virtual machines run, for `vm list` and `vm stop`: one small file a machine in the user's state
// directory. A record whose process is gone is removed when somebody looks.

import { readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BoardId } from '../../shared/board/boards.ts';
import { processExists } from '../process-exists.ts';
import { makeDirectory } from '../files/make-directory.ts';

export interface VmRecord {
  name: string;
  instanceDirectory: string;
  board: BoardId;
  pid: number;
  qmpSocketPath: string;
  consolePath: string;
  url: string;
  /** Disk to remove when the machine has ended; null: it is kept for the next run. */
  temporaryDiskPath: string | null;
  /** Guest port and host port of each forward. */
  ports: readonly (readonly [number, number])[];
  startedAtMs: number;
}

/** XDG Base Directory Specification: state that should persist, but is not worth keeping in backups. */
function registryDirectory(): string {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  return join(state, 'tskrazy', 'vms');
}

/** Called before a machine is started that could not be recorded: nobody would find it again. */
export async function makeRegistry(): Promise<void> {
  await makeDirectory(registryDirectory(), {
    hint: 'The list of virtual machines is kept there: set $HOME or $XDG_STATE_HOME to a directory that you may write.',
  });
}

export async function recordVm(record: VmRecord): Promise<void> {
  await makeRegistry();
  const path = join(registryDirectory(), `${record.pid}.json`);
  await writeFile(`${path}.tmp`, JSON.stringify(record, null, 2));
  await rename(`${path}.tmp`, path);
}

/** Forgets one that has ended, with the directory of its control socket. */
export async function forgetVm({ pid, qmpSocketPath }: VmRecord): Promise<void> {
  await rm(join(registryDirectory(), `${pid}.json`), { force: true });
  // Made by startVirtualMachine; rmdir, because this path comes out of a file: nothing but an empty directory goes.
  await rm(qmpSocketPath, { force: true });
  await rmdir(dirname(qmpSocketPath)).catch(() => undefined);
}

/** All that run, oldest first. */
export async function listVms(): Promise<VmRecord[]> {
  const names = await readdir(registryDirectory()).catch(() => []);
  const records: VmRecord[] = [];
  for (const name of names.filter((candidate) => /^\d+\.json$/.test(candidate))) {
    const record = await readRecord(join(registryDirectory(), name));
    if (record && (await isQemu(record))) records.push(record);
    else await rm(join(registryDirectory(), name), { force: true });
  }
  return records.toSorted((a, b) => a.startedAtMs - b.startedAtMs);
}

async function readRecord(path: string): Promise<VmRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as VmRecord;
  } catch {
    // Cut off while it was written, or removed by another tsk.
    return undefined;
  }
}

/** Process ids are used again: where /proc tells, the command line must name the machine's own socket. */
async function isQemu(record: VmRecord): Promise<boolean> {
  if (!processExists(record.pid)) return false;
  const cmdline = await readFile(`/proc/${record.pid}/cmdline`, 'utf8').catch(() => undefined);
  return cmdline === undefined || cmdline.includes(record.qmpSocketPath);
}
