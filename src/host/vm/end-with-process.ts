// A machine that belongs to a command does not outlive it, however the command ends: by a second Ctrl-C, or by a bug.
// Only a SIGKILL leaves it; then "tsk vm list" still knows it.

import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { VmRecord } from './vm-registry.ts';

type Machine = Pick<VmRecord, 'pid' | 'qmpSocketPath' | 'temporaryDiskPath'>;

/** Ends with `ended`, when QEMU has gone; the function that is returned lets the machine live on. */
export function endWithProcess(machine: Machine, ended: Promise<void>): () => void {
  const end = (): void => {
    try {
      process.kill(machine.pid, 'SIGKILL');
    } catch {
      // The process has just gone by itself.
    }
    rmSync(dirname(machine.qmpSocketPath), { recursive: true, force: true });
    if (machine.temporaryDiskPath !== null) rmSync(machine.temporaryDiskPath, { force: true });
  };
  const release = (): void => void process.off('exit', end);
  process.on('exit', end);
  void ended.then(release);
  return release;
}
