// What has to be ended or removed however a test ends: also when its run is interrupted, or timed out.

import type { ChildProcess } from 'node:child_process';
import type { TestContext } from 'node:test';
import { endWithProcess } from '../../src/host/vm/end-with-process.ts';
import type { VirtualMachine } from '../../src/host/vm/virtual-machine.ts';

/** Does `end` after the test, or when this process goes before that. */
export function atTheEnd(t: Pick<TestContext, 'after'>, end: () => void): void {
  const forget = atExit(end);
  t.after(() => {
    forget();
    end();
  });
}

/** For a machine that its test ends, if it comes to that: the process that it has then. */
export function endMachineAtTheEnd(machine: VirtualMachine): void {
  exitOnSignals();
  const latest = {
    get pid(): number {
      return machine.pid;
    },
    get qmpSocketPath(): string {
      return machine.qmpSocketPath;
    },
    temporaryDiskPath: null,
  };
  endWithProcess(latest, machine.ended);
}

/** For a child that its test waits for, if it comes to that. */
export function endChildAtTheEnd(child: ChildProcess): void {
  child.once(
    'exit',
    atExit(() => void child.kill('SIGKILL')),
  );
}

/** When this process goes. Returns what takes it back. */
export function atExit(end: () => void): () => void {
  exitOnSignals();
  const endQuietly = (): void => {
    try {
      end();
    } catch {
      // Somebody still writes there. What else is to be ended must not suffer from it.
    }
  };
  // What came last goes first: nobody may write any more to a directory that is removed.
  process.prependListener('exit', endQuietly);
  return () => void process.off('exit', endQuietly);
}

let isHeard = false;

/** A signal that nobody hears ends a process without its "exit". */
function exitOnSignals(): void {
  if (isHeard) return;
  isHeard = true;
  // With what stands around, a test comes to more listeners than Node takes for sound.
  process.setMaxListeners(0);
  // They are heard to the end: a second one, which nobody hears, would end the process before all is ended.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
}
