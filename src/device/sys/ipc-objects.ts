// Shared memory and messages of System V in the namespace of another process (sysvipc(7)). They need no descriptor and no
// mapping, so that only their namespace's tables know of them: this thread goes in, reads, and goes out again.

import { closeSync, openSync, readFileSync } from 'node:fs';
import { bindLibc } from './libc.ts';

/** linux/sched.h */
const CLONE_NEWIPC = 0x0800_0000;
/** Column of each table, counted from 0: memory that a segment has, bytes that a queue holds. */
const TABLES = { shm: 14, msg: 3 } as const;

const setns = bindLibc('setns', ['int32', 'int32']);

/** 0 where the kernel has no such objects. Throws when the process is gone. */
export function ipcObjectBytes(pid: number): { segmentBytes: number; messageBytes: number } {
  const own = openSync('/proc/self/ns/ipc', 'r');
  try {
    const theirs = openSync(`/proc/${pid}/ns/ipc`, 'r');
    try {
      setns(theirs, CLONE_NEWIPC);
    } finally {
      closeSync(theirs);
    }
    try {
      return { segmentBytes: sumOf('shm'), messageBytes: sumOf('msg') };
    } finally {
      setns(own, CLONE_NEWIPC);
    }
  } finally {
    closeSync(own);
  }
}

function sumOf(table: keyof typeof TABLES): number {
  try {
    const [, ...rows] = readFileSync(`/proc/sysvipc/${table}`, 'latin1').trimEnd().split('\n');
    return rows.reduce((sum, row) => sum + (Number(row.trim().split(/\s+/)[TABLES[table]]) || 0), 0);
  } catch {
    return 0;
  }
}
