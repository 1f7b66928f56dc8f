// How much processor time a process has had, and how long it was ready to run and had to wait for a processor: what
// tells a machine that stands still from one that is starved.

import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessTime {
  usedMs: number;
  /** Of all its threads; 0 where the system does not tell. */
  waitedMs: number;
}

export async function readProcessTime(pid: number): Promise<ProcessTime> {
  return process.platform === 'linux' ? readScheduler(pid) : askPs(pid);
}

/** `/proc/PID/task/TID/schedstat`: nanoseconds on a processor, nanoseconds on a run queue, turns. */
async function readScheduler(pid: number): Promise<ProcessTime> {
  const time = { usedMs: 0, waitedMs: 0 };
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    // A thread may end meanwhile; what it had is small beside that of the processors, which stay.
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').catch(() => '0 0 0');
    const [usedNs = 0, waitedNs = 0] = text.split(' ').map(Number);
    time.usedMs += usedNs / 1e6;
    time.waitedMs += waitedNs / 1e6;
  }
  return time;
}

function askPs(pid: number): Promise<ProcessTime> {
  return new Promise((resolve, reject) => {
    execFile('ps', ['-o', 'time=', '-p', String(pid)], (error, stdout) => {
      if (error) reject(error);
      else resolve({ usedMs: parsePsTime(stdout), waitedMs: 0 });
    });
  });
}

/** `[[days-]hours:]minutes:seconds`, the seconds with a fraction on macOS. */
export function parsePsTime(text: string): number {
  const [days, clock] = text.includes('-') ? text.trim().split('-') : ['0', text.trim()];
  const seconds = (clock ?? '').split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return (Number(days) * 24 * 3600 + seconds) * 1000;
}
