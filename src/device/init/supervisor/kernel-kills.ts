// Why the kernel has killed a service's process, in words that follow "killed".

import { formatMegabytes } from '../../format-megabytes.ts';
import type { ProcessExit } from '../../sys/sys.ts';
import type { Run } from './launch.ts';

/** undefined: it has not, as far as it tells. */
export function whyKilledByKernel(run: Run, { signal }: ProcessExit): string | undefined {
  if (!run.wasOverMemory()) {
    const isOutOfMemory = signal === 'SIGKILL' && run.wasOutOfMemory();
    return isOutOfMemory ? 'the device ran out of memory, and the kernel chose this' : undefined;
  }
  const limit = Number(run.tree.readCgroup('memory.max'));
  return `used more memory than it may${Number.isNaN(limit) ? '' : `: ${formatMegabytes(limit)}`}`;
}
