// What an app holds of the device's memory, and would give back if it were killed. Where the kernel has a memory controller,
// that has counted it. Elsewhere it is put together: its processes and their page tables, and what no process shows as
// its own (files-in-memory.ts).

import { readFileSync } from 'node:fs';
import { formatMegabytes } from '../../format-megabytes.ts';
import { parseCgroupMemory, parseKibLine } from '../../proc-format.ts';
import type { Sys } from '../../sys/sys.ts';
import type { ProcessTree } from '../supervisor/process-tree.ts';
import { countDescriptors, filesInMemory } from './files-in-memory.ts';

/** smaps_rollup walks the tables of a process: for a few it is exact about what forked processes share. */
const MAX_EXACT_PROCESSES = 32;
/** Of what is held; less is not worth a word. */
const WORTH_SAYING = 0.1;
/** Page tables are of processes, and named only where nobody has looked at those. */
export const OF_KERNEL = 'the kernel (sockets, pipes, ...)';

export interface HeldMemory {
  bytes: number;
  /** Of `bytes`, by what a person calls it. */
  parts: Readonly<Record<string, number>>;
  /** Of `bytes`, all that is in files in memory. */
  filesBytes: number;
  /** Whether the kernel has counted it, so that nothing can be missing. */
  isCounted: boolean;
  /** Descriptors of all its processes. */
  openFiles: number;
  /** Descriptors that nobody can look at, see files-in-memory.ts. */
  unseenFiles: number;
}

export function heldMemory(sys: Sys, tree: Pick<ProcessTree, 'processes' | 'readCgroup'>): HeldMemory {
  const pids = tree.processes();
  const counted = countedByKernel(tree.readCgroup('memory.stat'));
  if (counted !== undefined) return { ...counted, openFiles: countDescriptors(sys, pids) };
  const { memfdBytes, scratchBytes, ipcBytes, openFiles, unseenFiles } = filesInMemory(sys, pids);
  const parts = {
    memfds: memfdBytes,
    '/tmp and /dev/shm': scratchBytes,
    'shared memory of System V': ipcBytes,
  };
  const filesBytes = sum(parts);
  const bytes = processBytes(sys, pids) + filesBytes;
  return { bytes, parts, filesBytes, isCounted: false, openFiles, unseenFiles };
}

/** With what was found later to be of it. */
export function withPart(held: HeldMemory, name: string, partBytes: number): HeldMemory {
  return { ...held, bytes: held.bytes + partBytes, parts: { ...held.parts, [name]: partBytes } };
}

/** `held 712 MB, of which 700 MB in memfds` */
export function describeHeld({ bytes, parts }: HeldMemory): string {
  const said = Object.entries(parts)
    .filter(([, part]) => part >= bytes * WORTH_SAYING)
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, part]) => `${formatMegabytes(part)} in ${name}`);
  return `held ${formatMegabytes(bytes)}${said.length === 0 ? '' : `, of which ${said.join(' and ')}`}`;
}

function countedByKernel(stat: string | undefined): HeldMemory | undefined {
  if (stat === undefined) return undefined;
  const { anonymousBytes, sharedBytes, kernelBytes } = parseCgroupMemory(stat);
  const parts = { 'memfds and files in memory': sharedBytes, [OF_KERNEL]: kernelBytes };
  const bytes = anonymousBytes + sum(parts);
  return { bytes, parts, filesBytes: sharedBytes, isCounted: true, openFiles: 0, unseenFiles: 0 };
}

function processBytes(sys: Sys, pids: readonly number[]): number {
  const isExact = pids.length <= MAX_EXACT_PROCESSES;
  let bytes = 0;
  for (const pid of pids) {
    try {
      const status = readFileSync(sys.path(`/proc/${pid}/status`), 'latin1');
      const anonymous = isExact
        ? parseKibLine(readFileSync(sys.path(`/proc/${pid}/smaps_rollup`), 'latin1'), 'Pss_Anon')
        : undefined;
      bytes += (anonymous ?? parseKibLine(status, 'RssAnon') ?? 0) + (parseKibLine(status, 'VmPTE') ?? 0);
    } catch {
      // The process has just ended.
    }
  }
  return bytes;
}

function sum(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((total, bytes) => total + bytes, 0);
}
