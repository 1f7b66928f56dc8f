// Which processes belong to a service, from outside of init: all of its cgroup.

import { readFileSync } from 'node:fs';
import { parseCgroupPath } from './proc-format.ts';

export interface ServiceProcesses {
  /** Directory of the service's cgroup; undefined when it has none of its own. */
  cgroup: string | undefined;
  /** At least that of the service itself. */
  pids: readonly string[];
}

export function processesOf(pid: number, { proc, sys }: { proc: string; sys: string }): ServiceProcesses {
  const path = parseCgroupPath(tryRead(`${proc}/${pid}/cgroup`) ?? '');
  const cgroup = path === undefined ? undefined : `${sys}/fs/cgroup${path}`;
  const members = cgroup === undefined ? '' : (tryRead(`${cgroup}/cgroup.procs`) ?? '');
  // A pid of 0 belongs to a namespace that we do not see into.
  const pids = members.split('\n').filter((line) => line !== '' && line !== '0');
  return { cgroup, pids: pids.length === 0 ? [String(pid)] : pids };
}

/** undefined: no such file, no such process any more, or no right to read it. */
export function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
