// Which virtual machines run, for `vm list` and `vm stop`: one small file a machine in the user's state
// directory. A record whose process is gone is removed when somebody looks.

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { BoardId } from '../../shared/boards.ts';
import { processExists } from '../process-exists.ts';

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

export async function recordVm(record: VmRecord): Promise<void> {
  const directory = registryDirectory();
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${record.pid}.json`);
  await writeFile(`${path}.tmp`, JSON.stringify(record, null, 2));
  await rename(`${path}.tmp`, path);
}

export async function forgetVm(pid: number): Promise<void> {
  await rm(join(registryDirectory(), `${pid}.json`), { force: true });
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
