// Numbers of system calls for which libc has no function, or none that takes all arguments.

import { constants } from 'node:os';
import type { NodeArch } from '../../shared/board/boards.ts';
import { type SyscallName, syscallNumber } from '../../shared/board/syscall-numbers.ts';
import { libcError } from './libc.ts';

/** Throws ENOSYS on a processor that no board has, where tests may run. */
export function ownSyscallNumber(name: SyscallName): number {
  const number = syscallNumber(name, process.arch as NodeArch) as number | null | undefined;
  if (number === null || number === undefined) throw libcError(name, constants.errno.ENOSYS);
  return number;
}
