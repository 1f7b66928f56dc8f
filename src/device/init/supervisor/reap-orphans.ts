// Processes whose parent has died become children of PID 1, and zombies when they end. libuv waits only for
// those that it started, so these are waited for here, one by one and by number: waitpid(-1) would steal
// the exit codes of libuv's.

import type { Sys } from '../../sys/sys.ts';

/** Time for libuv to wait for its own; many deaths may also share one signal. */
const DELAY_MS = 50;

/** Reaps orphans whenever a child has ended, for good. */
export function keepReapingOrphans(sys: Sys): void {
  let timer: NodeJS.Timeout | undefined;
  const reapSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (reapOrphans(sys) === 'again') reapSoon();
    }, DELAY_MS);
  };
  process.on('SIGCHLD', reapSoon);
}

/** `again`: one of libuv's stands before what may be more orphans. */
export function reapOrphans(sys: Sys): 'done' | 'again' {
  for (;;) {
    const pid = sys.endedChild();
    if (pid === undefined) return 'done';
    if (sys.isOwnChild(pid)) return 'again';
    sys.reap(pid);
  }
}
