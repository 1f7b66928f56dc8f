// The code of this program, held in memory. Only what is mapped from files and cannot be written: without swap
// nothing else is ever dropped, and V8 ends the process when it cannot give back pages of its heap (which
// madvise(2) refuses for locked ones).

import { readFileSync } from 'node:fs';
import { bindLibc } from './libc.ts';

/** asm-generic/mman.h: only the pages that are in use. */
const MLOCK_ONFAULT = 0x1;
/** proc_pid_maps(5): start, end, permissions without `w`, then a path. */
const CODE = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p .* \//;

const mlock2 = bindLibc('mlock2', ['uint64', 'uint64', 'uint32']);
const munlock = bindLibc('munlock', ['uint64', 'uint64']);

export function keepCodeInMemory(keep: boolean): void {
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const [, start, end] = CODE.exec(line) ?? [];
    if (start === undefined || end === undefined) continue;
    const address = BigInt(`0x${start}`);
    const lengthBytes = BigInt(`0x${end}`) - address;
    if (keep) mlock2(address, lengthBytes, MLOCK_ONFAULT);
    else munlock(address, lengthBytes);
  }
}
