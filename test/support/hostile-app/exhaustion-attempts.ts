// What an app may use up before the kernel says no (docs/supervision.md, "Limits"). Each attempt gives back what it got.

import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { bindLibc, openSyscall } from '../../../src/device/sys/libc.ts';
import { APP_SOCKET_CONNECTIONS, SCRATCH_SHARE_OF_MEMORY } from '../../../src/shared/services/app-limits.ts';
import type { Attempts } from './attempt.ts';

const MIB = 2 ** 20;
/** sched(7) */
const SCHED_FIFO = 1;
/** asm/unistd.h */
const MMAP = process.arch === 'arm64' ? 222n : 9n;
const READ_WRITE = 3n;
const READ = 1n;
const PRIVATE = 2n;
const PRIVATE_ANONYMOUS = 0x22n;
const NO_FILE = -1n;
/** sys/inotify.h */
const IN_MODIFY = 2;
/** With 128 instances more than may be watched. */
const WATCHED_FILES = 100;
/** An emulated machine may take seconds for what takes no time. */
const PATIENCE_MS = 60_000;

const inotifyInit = bindLibc('inotify_init1', ['int32']);
const addWatch = bindLibc('inotify_add_watch', ['int32', 'string', 'uint32']);
const fallocate = bindLibc('fallocate', ['int32', 'int32', 'int64', 'int64']);
const mlock = bindLibc('mlock', ['int64', 'int64']);
const setScheduler = bindLibc('sched_setscheduler', ['int32', 'int32', 'buffer']);
const mmap = openSyscall('mmap', ['int64', 'int64', 'int64', 'int64', 'int64', 'int64', 'int64']);

/** Opens again and again until that is refused. */
function openUntilRefused(open: () => number): never {
  const opened: number[] = [];
  try {
    for (;;) opened.push(open());
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function fileOf(path: string, bytes: number): undefined {
  const fd = openSync(path, 'w');
  try {
    fallocate(fd, 0, 0n, BigInt(Math.floor(bytes)));
  } finally {
    closeSync(fd);
    rmSync(path);
  }
  return undefined;
}

/** Watches count by user, whatever watches, so that some files do for all of them: thousands would take a minute to make. */
function watchUntilRefused(): never {
  mkdirSync('/tmp/watched', { recursive: true });
  const files = Array.from({ length: WATCHED_FILES }, (_none, index) => `/tmp/watched/${index}`);
  for (const file of files) writeFileSync(file, '');
  return openUntilRefused(() => {
    const fd = inotifyInit(0);
    try {
      for (const file of files) addWatch(fd, file, IN_MODIFY);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  });
}

/** One more than there may be, all of them silent. */
async function connectTooOften(): Promise<string> {
  const sockets = Array.from({ length: APP_SOCKET_CONNECTIONS.atOnce + 1 }, () =>
    connect(process.env['TSK_SOCKET'] ?? '').resume(),
  );
  for (const socket of sockets) socket.on('error', () => {});
  const [first] = sockets;
  const closed = new Promise<string>((resolve) => first?.on('close', () => resolve('the first is closed')));
  const outcome = await Promise.race([closed, sleep(PATIENCE_MS, 'all are open')]);
  for (const socket of sockets) socket.destroy();
  return outcome;
}

export const exhaustionAttempts: Attempts = {
  'open files until there are no more': () => openUntilRefused(() => openSync('/dev/null', 'r')),
  'inotify until there are no more': () => openUntilRefused(() => inotifyInit(0)),
  'files that it may watch': () => readFileSync('/proc/sys/fs/inotify/max_user_watches', 'latin1').trim(),
  'watch files until there are no more': watchUntilRefused,
  'a file in /tmp beyond its share': () => fileOf('/tmp/large', totalmem() * SCRATCH_SHARE_OF_MEMORY + MIB),
  'a file in /dev/shm beyond its share': () =>
    fileOf('/dev/shm/large', totalmem() * SCRATCH_SHARE_OF_MEMORY + MIB),
  'keep 64 MiB from being reclaimed': () => {
    const bytes = BigInt(64 * MIB);
    mlock(BigInt(mmap(MMAP, 0n, bytes, READ_WRITE, PRIVATE_ANONYMOUS, NO_FILE, 0n)), bytes);
    return undefined;
  },
  // A thousand processes would keep as many files in memory, each its own part, and none of it is anybody's memory.
  'keep 1 MiB of a file from being reclaimed': () => {
    const fd = openSync(process.execPath, 'r');
    try {
      mlock(BigInt(mmap(MMAP, 0n, BigInt(MIB), READ, PRIVATE, BigInt(fd), 0n)), BigInt(MIB));
    } finally {
      closeSync(fd);
    }
    return undefined;
  },
  'run before all others': () => void setScheduler(0, SCHED_FIFO, new Uint8Array([1, 0, 0, 0])),
  'connect to its own socket without end': connectTooOften,
  'forge a line of init': () => console.log('* forged') as undefined,
};
