// A refused system call ends nobody, and an app that does not say which one it was puzzles its author. The kernel logs
// what `confine`'s filter refuses (an audit record, which goes to the kernel's log as nobody else listens); from there
// the log of the app is told the call's name, once each start. linux/audit.h: AUDIT_SECCOMP.

import { readFileSync } from 'node:fs';
import { groupOfSyscall, SYSCALL_NUMBERS, type SyscallName } from '../../shared/services/syscalls.ts';
import type { Sys } from '../sys/sys.ts';
import type { KernelLog } from './log/kernel-log.ts';
import type { Service } from './supervisor/service.ts';
import type { Supervisor } from './supervisor/supervisor.ts';

const LOOK_EVERY_MS = 2000;
/** Names of programs are written in hexadecimal when there is anything odd in them, blanks included. */
const RECORD =
  /^audit: type=1326 audit\([\d.:]+\): auid=\d+ uid=(\d+) gid=\d+ ses=\d+ (?:subj=\S+ )?pid=(\d+) comm=\S+ exe=\S+ sig=0 arch=\S+ syscall=(\d+) /;
const COLUMN = process.arch === 'arm64' ? 1 : 0;

const names = new Map<number | null, SyscallName>(
  Object.entries(SYSCALL_NUMBERS).map(([name, numbers]) => [numbers[COLUMN], name as SyscallName]),
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

export function keepTellingOfRefusedCalls(
  sys: Sys,
  kernelLog: KernelLog,
  supervisor: () => Supervisor,
): void {
  const newLines = kernelLog.newLines();
  setInterval(() => {
    for (const { text } of newLines()) {
      const refused = parseRefusedCall(text);
      if (refused === undefined) continue;
      const { call } = refused;
      findService(sys, supervisor(), refused)?.noteRefusal(
        `the sandbox refused the system call ${call}, which is in the group "${groupOfSyscall(call)}" of "syscalls"`,
      );
    }
  }, LOOK_EVERY_MS).unref();
}

/** The user tells, also of a process that is gone; of an app as root its cgroup does, while it is there. */
function findService(sys: Sys, supervisor: Supervisor, { uid, pid }: RefusedCall): Service | undefined {
  const byUser = supervisor.list().find(({ spec }) => spec.user?.uid === uid);
  if (byUser !== undefined) return byUser;
  try {
    const cgroup = readFileSync(sys.path(`/proc/${pid}/cgroup`), 'latin1');
    return supervisor.get(/^0::\/tsk\/([^/\n]+)/m.exec(cgroup)?.[1] ?? '');
  } catch {
    return undefined;
  }
}
