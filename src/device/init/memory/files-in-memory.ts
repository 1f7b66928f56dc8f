// Memory that no process shows as its own: files without a name (memfd_create(2), shared mappings), whether they are
// mapped, open, or only on their way to somebody in a socket; files in the /tmp and /dev/shm of a sandbox; shared memory
// and messages of System V. Formats: proc_pid_fd(5), proc_pid_maps(5), unix(7) for `scm_fds`.

import { readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs';
import type { Sys } from '../../sys/sys.ts';

/** What an app may make init look at: each is a system call. Who has more is taken to hide something. */
const MAX_DESCRIPTORS = 20_000;
const MAX_MAPS_LENGTH = 8 * 1024 * 1024;
const BLOCK_BYTES = 512;
/** What a file of a tmpfs costs besides its content. */
const FILE_BYTES = 1024;
/** linux/magic.h */
export const TMPFS_MAGIC = 0x0102_1994;
/** Where a sandbox has file systems in memory that the app may write to. */
const SCRATCH = ['/tmp', '/dev/shm'];
const NAMELESS = /^\/(?:memfd:|dev\/zero \(deleted\))/;
/** Start, end, permissions, offset, device, inode, path. */
const NAMELESS_MAPPING = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+) +\/(?:memfd:|dev\/zero \(deleted\))/gm;

export interface FilesInMemory {
  memfdBytes: number;
  scratchBytes: number;
  ipcBytes: number;
  /** Descriptors of any kind. */
  openFiles: number;
  /** Descriptors that are on their way in sockets: nobody sees what they are of. */
  unseenFiles: number;
}

export function filesInMemory(sys: Sys, pids: readonly number[]): FilesInMemory {
  const seen = new Seen(sys);
  for (const pid of pids) {
    seen.lookAtDescriptors(pid);
    seen.lookAtMappings(pid);
  }
  return {
    memfdBytes: seen.memfdBytes,
    scratchBytes: scratchOf(sys, pids),
    ipcBytes: ipcOf(sys, pids),
    openFiles: seen.openFiles,
    unseenFiles: seen.unseenFiles,
  };
}

/** Linux 6.2 and later tell their number as the size of the directory. */
export function countDescriptors(sys: Sys, pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (tryTo(() => statSync(sys.path(`/proc/${pid}/fd`)).size) ?? 0), 0);
}

class Seen {
  memfdBytes = 0;
  openFiles = 0;
  unseenFiles = 0;
  readonly #sys: Sys;
  /** Inodes: all such files of a device are of one file system. */
  readonly #inodes = new Set<number>();
  #mapsLength = 0;

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  lookAtDescriptors(pid: number): void {
    const directory = this.#sys.path(`/proc/${pid}/fd`);
    for (const name of tryTo(() => readdirSync(directory)) ?? []) {
      if (++this.openFiles > MAX_DESCRIPTORS) {
        this.unseenFiles++;
        continue;
      }
      const target = tryTo(() => readlinkSync(`${directory}/${name}`)) ?? '';
      if (NAMELESS.test(target)) this.#add(`${directory}/${name}`);
      else if (target.startsWith('socket:')) this.unseenFiles += filesInSocket(this.#sys, pid, name);
    }
  }

  lookAtMappings(pid: number): void {
    if (this.#mapsLength > MAX_MAPS_LENGTH) {
      this.unseenFiles++;
      return;
    }
    const text = tryTo(() => readFileSync(this.#sys.path(`/proc/${pid}/maps`), 'latin1')) ?? '';
    this.#mapsLength += text.length;
    for (const [, start = '', end = '', inode] of text.matchAll(NAMELESS_MAPPING)) {
      if (this.#inodes.has(Number(inode))) continue;
      const [from, to] = [start, end].map((address) => address.replace(/^0+(?=.)/, ''));
      this.#add(this.#sys.path(`/proc/${pid}/map_files/${from}-${to}`));
    }
  }

  #add(path: string): void {
    const file = tryTo(() => statSync(path));
    if (file === undefined || this.#inodes.has(file.ino)) return;
    this.#inodes.add(file.ino);
    this.memfdBytes += file.blocks * BLOCK_BYTES;
  }
}

function filesInSocket(sys: Sys, pid: number, fd: string): number {
  const info = tryTo(() => readFileSync(sys.path(`/proc/${pid}/fdinfo/${fd}`), 'latin1')) ?? '';
  return Number(/^scm_fds:\s*(\d+)$/m.exec(info)?.[1] ?? 0);
}

/** Each file system counts once, and not those that the device has itself. */
function scratchOf(sys: Sys, pids: readonly number[]): number {
  const known = new Set(SCRATCH.map((path) => tryTo(() => statSync(sys.path(path)).dev)));
  let sum = 0;
  for (const path of pids.flatMap((pid) => SCRATCH.map((place) => sys.path(`/proc/${pid}/root${place}`)))) {
    const device = tryTo(() => statSync(path).dev);
    if (device === undefined || known.has(device)) continue;
    known.add(device);
    const { type, bsize, blocks, bfree, files, ffree } = statfsSync(path);
    if (type === TMPFS_MAGIC) sum += (blocks - bfree) * bsize + (files - ffree) * FILE_BYTES;
  }
  return sum;
}

/** Of namespaces that are not the device's: in that one nobody knows whose they are. */
function ipcOf(sys: Sys, pids: readonly number[]): number {
  const namespaceOf = (pid: number | 'self'): string | undefined =>
    tryTo(() => readlinkSync(sys.path(`/proc/${pid}/ns/ipc`)));
  const known = new Set([namespaceOf('self'), undefined]);
  let sum = 0;
  for (const pid of pids) {
    const namespace = namespaceOf(pid);
    if (known.has(namespace)) continue;
    known.add(namespace);
    const { segmentBytes = 0, messageBytes = 0 } = tryTo(() => sys.ipcObjectBytes(pid)) ?? {};
    sum += segmentBytes + messageBytes;
  }
  return sum;
}

/** Processes come and go while they are looked at. */
function tryTo<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
