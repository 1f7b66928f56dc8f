// The directory of kept logs, /perm/log: one directory a boot, numbered upwards because a clock may lie.
//   000012/boot.json       what the boot was
//   000012/NAME.log        the newest lines of one log; NAME.log.1: those before
// Everything here is asynchronous and bounded: storage may be slow, and anybody may have put anything there.

import { mkdir, open, read, close, readdir, rename, rm, stat, writeFile } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { APP_NAME_PATTERN } from '../../../shared/app-name.ts';
import type { BootRecord } from '../../../shared/api/init-api.ts';
import { isSlot } from '../../../shared/board/slots.ts';
import { decodeKeptLines, type KeptLine } from './kept-line.ts';

// These calls stand in for node:fs/promises, which costs 5 MB of memory.
const fs = {
  mkdir: promisify(mkdir),
  open: promisify(open),
  read: promisify(read),
  close: promisify(close),
  readdir: promisify(readdir) as (path: string) => Promise<string[]>,
  rename: promisify(rename),
  rm: promisify(rm) as (path: string, options: { recursive: boolean; force: boolean }) => Promise<void>,
  stat: promisify(stat) as (path: string) => Promise<{ size: number }>,
  writeFile: promisify(writeFile) as (
    path: string,
    text: string,
    options: { mode: number; flush: boolean },
  ) => Promise<void>,
};

export interface KeptLimits {
  boots: number;
  totalBytes: number;
}

export const DEFAULT_KEPT_LIMITS: KeptLimits = { boots: 20, totalBytes: 8 * 1024 * 1024 };

/** Size of one file. Ours are smaller. */
const MAX_READ_BYTES = 1024 * 1024;
const BOOT_NAME = /^\d{6,9}$/;
const LOG_NAME = new RegExp(String.raw`^(${APP_NAME_PATTERN})\.log(\.1)?$`);

export type StoredBoot = Omit<BootRecord, 'boot' | 'logs'>;

/** Names of the boots' directories, oldest first. */
export async function listBootDirectories(directory: string): Promise<string[]> {
  const names = await fs.readdir(directory).catch(ifMissing([]));
  return names.filter((name) => BOOT_NAME.test(name)).sort((a, b) => Number(a) - Number(b));
}

/** Makes the directory of a new boot; returns its name. */
export async function makeBootDirectory(directory: string): Promise<string> {
  await fs.mkdir(directory, { recursive: true, mode: 0o700 });
  const last = Number((await listBootDirectories(directory)).at(-1) ?? 0);
  const name = String(last + 1).padStart(6, '0');
  await fs.mkdir(join(directory, name), { mode: 0o700 });
  return name;
}

/** Forced onto the medium: without it nobody knows whose lines those are that a device has left behind at a panic. */
export async function writeBootRecord(bootDirectory: string, boot: StoredBoot): Promise<void> {
  const path = join(bootDirectory, 'boot.json');
  await fs.writeFile(`${path}.new`, `${JSON.stringify(boot)}\n`, { mode: 0o600, flush: true });
  await fs.rename(`${path}.new`, path);
}

/** What cannot be read (the power was cut while it was written) is unknown, and the logs are still worth reading. */
export async function readBootRecord(bootDirectory: string): Promise<StoredBoot & { logs: string[] }> {
  const files = await fs.readdir(bootDirectory).catch(ifMissing([]));
  const logs = new Set(files.map((file) => LOG_NAME.exec(file)?.[1]).filter((name) => name !== undefined));
  const text = await readEnd(join(bootDirectory, 'boot.json'));
  return { ...parseBoot(text), logs: [...logs].sort() };
}

function parseBoot(text: string): StoredBoot {
  let found: Partial<Record<keyof StoredBoot, unknown>> = {};
  try {
    found = Object(JSON.parse(text)) as typeof found;
  } catch {
    // Empty, or half of it.
  }
  const { id, buildId, slot, bootedAtMs, end } = found;
  const { atMs, how } = Object(end) as { atMs?: unknown; how?: unknown };
  return {
    id: typeof id === 'string' ? id : '',
    buildId: typeof buildId === 'string' ? buildId : '',
    slot: typeof slot === 'string' && isSlot(slot) ? slot : null,
    bootedAtMs: typeof bootedAtMs === 'number' ? bootedAtMs : 0,
    end: typeof atMs === 'number' && typeof how === 'string' ? { atMs, how } : null,
  };
}

/** Oldest first; empty when there is nothing of that name. */
export async function readKeptLog(bootDirectory: string, name: string): Promise<KeptLine[]> {
  const path = join(bootDirectory, `${name}.log`);
  const before = await readEnd(`${path}.1`);
  return [...decodeKeptLines(before), ...decodeKeptLines(await readEnd(path))];
}

/** Removes what is over the limits: the oldest boots, then of this boot the older halves of its largest logs. */
export async function pruneKeptLogs(directory: string, current: string, limits: KeptLimits): Promise<void> {
  const names = await listBootDirectories(directory);
  const boots = [];
  for (const name of names) boots.push({ name, files: await listFiles(join(directory, name)) });
  let totalBytes = sum(boots.flatMap(({ files }) => files));
  let count = boots.length;
  for (const { name, files } of boots) {
    if (count <= limits.boots && totalBytes <= limits.totalBytes) return;
    if (name === current) continue;
    await fs.rm(join(directory, name), { recursive: true, force: true });
    totalBytes -= sum(files);
    count -= 1;
  }
  const own = boots.find(({ name }) => name === current)?.files ?? [];
  const halves = own.filter(({ path }) => path.endsWith('.log.1')).sort((a, b) => b.size - a.size);
  for (const { path, size } of halves) {
    if (totalBytes <= limits.totalBytes) return;
    await fs.rm(path, { recursive: false, force: true });
    totalBytes -= size;
  }
}

interface KeptFile {
  path: string;
  size: number;
}

async function listFiles(directory: string): Promise<KeptFile[]> {
  const files: KeptFile[] = [];
  for (const name of await fs.readdir(directory).catch(ifMissing([]))) {
    const path = join(directory, name);
    files.push({ path, size: (await fs.stat(path).catch(ifMissing({ size: 0 }))).size });
  }
  return files;
}

function sum(files: readonly KeptFile[]): number {
  return files.reduce((total, { size }) => total + size, 0);
}

/** The last MAX_READ_BYTES of a file; of one that is missing nothing. */
async function readEnd(path: string): Promise<string> {
  const fd = await fs.open(path, 'r').catch(ifMissing(undefined));
  if (fd === undefined) return '';
  try {
    const { size } = await fs.stat(path);
    const buffer = Buffer.allocUnsafe(Math.min(size, MAX_READ_BYTES));
    const { bytesRead } = await fs.read(fd, buffer, 0, buffer.length, Math.max(0, size - buffer.length));
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await fs.close(fd);
  }
}

function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return value;
    throw error;
  };
}
