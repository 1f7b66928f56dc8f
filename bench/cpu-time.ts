// Processor time as Linux counts it, in hundredths of a second (proc_pid_stat(5)); NaN where there is no /proc.

import { readFileSync } from 'node:fs';

/** utime and stime. */
const OWN_FIELDS = [14, 15];
/** cutime and cstime: of children that have ended, with theirs. */
const CHILDREN_FIELDS = [16, 17];

export function cpuSecondsOf(pid: number): number {
  return readSeconds(String(pid), OWN_FIELDS);
}

/** Of the children of this process that have ended, with those of theirs that they waited for. */
export function childrenCpuSeconds(): number {
  return readSeconds('self', CHILDREN_FIELDS);
}

function readSeconds(process: string, fields: readonly number[]): number {
  try {
    const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
    // The second field is a name in parentheses, which may have spaces.
    const [, ...values] = stat.slice(stat.lastIndexOf(')')).split(' ');
    return fields.reduce((sum, field) => sum + Number(values[field - 3]), 0) / 100;
  } catch {
    return Number.NaN;
  }
}
