// What one app may use up of a device, and what all of them together, whatever an app does: the table of
// docs/supervision.md, where it is said what happens at each. Limits that tskrazy.json changes are in sandbox.ts.

/** Threads count too (cgroup, pids.max). `maxProcesses` changes it. */
export const DEFAULT_MAX_PROCESSES = 512;
/** Of all processes that the kernel can have, so many are not for apps. */
export const PROCESSES_OF_SYSTEM = 256;

/** All apps together (cpu.weight). init has 100 as each process outside of these groups, our other programs have 100 too. */
export const CPU_WEIGHT_OF_APPS = 50;

/** Files in /tmp are memory, and in /dev/shm as well: each may have this share of all memory. */
export const SCRATCH_SHARE_OF_MEMORY = 1 / 4;

const MIB = 2 ** 20;
/**
 * Of a process (RLIMIT_MEMLOCK), whatever it locks: pages of files are nobody's memory, and many processes would keep many
 * files in memory, which the kernel could not drop. Linux had this much until 5.16, so that libraries which hold keys
 * make do with it.
 */
export const LOCKED_MEMORY_BYTES = 64 * 1024;

const LARGEST_ROOM_OF_SYSTEM_BYTES = 256 * MIB;
const ROOM_OF_SYSTEM_SHARE = 1 / 4;

/** Where the kernel limits memory (memory.max), and `memory` says nothing: all but what the system needs. */
export function defaultMemoryBytes(totalBytes: number): number {
  return Math.floor(totalBytes - Math.min(totalBytes * ROOM_OF_SYSTEM_SHARE, LARGEST_ROOM_OF_SYSTEM_BYTES));
}

/** Share of all open files of the device (fs.file-max) at which the app that has most is killed. Root is above that limit. */
export const OPEN_FILES_SHARE = 0.75;

/** What an app writes is its log: so much at once, and so much a second for ever. */
export const LOG_BYTES = { atOnce: 4 * MIB, perSecond: MIB };
/** A line costs init time whatever its length: newlines alone are few bytes. */
export const LOG_LINES = { atOnce: 10_000, perSecond: 1000 };

/** Of its socket to init. With more in a second the socket goes away for a while. */
export const APP_SOCKET_CONNECTIONS = { atOnce: 16, perSecond: 200 };
