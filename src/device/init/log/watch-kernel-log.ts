// Who wants to hear of single lines of the kernel's log: one reader for all, because each reads all of it.

import type { LogLine } from '../../../shared/services/services.ts';
import type { KernelLog } from './kernel-log.ts';

const LOOK_EVERY_MS = 2000;

/** What is there at once, then what comes; for good. */
export function watchKernelLog(kernelLog: KernelLog, listeners: readonly ((line: LogLine) => void)[]): void {
  const newLines = kernelLog.newLines();
  const look = (): void => {
    for (const line of newLines()) for (const hear of listeners) hear(line);
  };
  look();
  setInterval(look, LOOK_EVERY_MS).unref();
}
