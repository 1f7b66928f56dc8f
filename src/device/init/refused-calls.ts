// A refused system call ends nobody, and an app that does not say which one it was puzzles its author. The kernel logs
// what `confine`'s filter refuses (an audit record, which goes to the kernel's log as nobody else listens); from there
// the log of the app is told the call's name, once each start. linux/audit.h: AUDIT_SECCOMP.

import { readFileSync } from 'node:fs';
import type { NodeArch } from '../../shared/board/boards.ts';
import { SYSCALL_NAMES, type SyscallName, syscallNumber } from '../../shared/board/syscall-numbers.ts';
import { groupOfSyscall } from '../../shared/services/syscalls.ts';
import type { LogLine } from '../../shared/services/services.ts';
import type { Sys } from '../sys/sys.ts';
import type { Service } from './supervisor/service.ts';
import type { Supervisor } from './supervisor/supervisor.ts';

/** Names of programs are written in hexadecimal when there is anything odd in them, blanks included. */
const RECORD =
  /^audit: type=1326 audit\([\d.:]+\): auid=\d+ uid=(\d+) gid=\d+ ses=\d+ (?:subj=\S+ )?pid=(\d+) comm=\S+ exe=\S+ sig=0 arch=\S+ syscall=(\d+) /;

const names = new Map<number | null, SyscallName>(
  SYSCALL_NAMES.map((name) => [syscallNumber(name, process.arch as NodeArch), name]),
);

export interface RefusedCall {
  uid: number;
  pid: number;
  call: SyscallName;
}

export function parseRefusedCall(text: string): RefusedCall | undefined {
  const [, uid, pid, number] = RECORD.exec(text) ?? [];
  const call = names.get(Number(number));
  return call && { uid: Number(uid), pid: Number(pid), call };
}

export function tellOfRefusedCalls(sys: Sys, supervisor: () => Supervisor): (line: LogLine) => void {
  return ({ text }) => {
    const refused = parseRefusedCall(text);
    if (refused === undefined) return;
    const { call } = refused;
    findService(sys, supervisor(), refused)?.noteRefusal(
      `the sandbox refused the system call ${call}, which is in the group "${groupOfSyscall(call)}" of "syscalls"`,
    );
  };
}

/** The user tells, also of a process that is gone; of an app as root its cgroup does, while it is there. */
function findService(sys: Sys, supervisor: Supervisor, { uid, pid }: RefusedCall): Service | undefined {
  const byUser = supervisor.list().find(({ spec }) => spec.user?.uid === uid);
  if (byUser !== undefined) return byUser;
  try {
    const cgroup = readFileSync(sys.path(`/proc/${pid}/cgroup`), 'latin1');
    return supervisor.get(/^0::\/apps\/([^/\n]+)/m.exec(cgroup)?.[1] ?? '');
  } catch {
    return undefined;
  }
}
