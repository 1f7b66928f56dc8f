// The process that starts a machine which outlives its command, and stays with it where QEMU ends at each restart: somebody
// has to start it again. It is told what to start by its parent, and tells how the machine fares as long as that listens.

import { once } from 'node:events';
import { BOARDS, type BoardId } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';
import type { Accelerator } from './qemu-command.ts';
import { startVirtualMachine, type VirtualMachine, type VmOptions } from './virtual-machine.ts';
import { recordVm, type VmRecord } from './vm-registry.ts';

/** What a keeper is asked for. */
export interface KeeperTask extends Omit<VmOptions, 'board' | 'onRestart' | 'warn'> {
  board: BoardId;
}

interface KeptProcess {
  pid: number;
  qmpSocketPath: string;
}

/** What a keeper tells its parent. */
export type KeeperNews =
  | ({
      kind: 'started';
      accelerator: Accelerator;
      consolePath: string;
      ports: readonly (readonly [number, number])[];
    } & KeptProcess)
  | ({ kind: 'restarted' } & KeptProcess)
  | { kind: 'warning'; text: string }
  | { kind: 'failed'; message: string; hint: string | undefined };

/**
 * Returns when the machine has ended. A parent that goes without a word takes its machine along; the word is the machine's
 * record, for the list of those that run. From then on this process keeps it there.
 */
export async function keepMachine(signal: AbortSignal): Promise<void> {
  if (process.send === undefined) {
    throw new UserError('Cannot keep a virtual machine: "tsk vm run --detach" starts this command by itself');
  }
  const [task] = (await once(process, 'message')) as [KeeperTask];
  let record: VmRecord | undefined;
  const onRestart = async ({ pid, qmpSocketPath }: VirtualMachine): Promise<void> => {
    if (record !== undefined) await recordVm({ ...record, pid, qmpSocketPath });
    tell({ kind: 'restarted', pid, qmpSocketPath });
  };
  let vm: VirtualMachine;
  try {
    vm = await startVirtualMachine({ ...optionsOf(task), onRestart });
  } catch (error) {
    tell({ kind: 'failed', message: (error as Error).message, hint: (error as Partial<UserError>).hint });
    process.disconnect?.();
    return;
  }
  const { pid, qmpSocketPath, accelerator, consolePath, ports } = vm;
  tell({ kind: 'started', pid, qmpSocketPath, accelerator, consolePath, ports: [...ports] });
  const end = (): void => endMachine(vm);
  const release = (): void => void process.off('disconnect', end);
  process.once('disconnect', end);
  // The parent may have gone while the machine was started.
  if (!process.connected) end();
  const released = new Promise<void>((resolve) =>
    process.once('message', (word: VmRecord) => {
      record = word;
      release();
      resolve();
    }),
  );
  signal.addEventListener('abort', end);
  await (vm.restartsItself ? Promise.race([vm.ended, released.then(() => vm.letGo(record!))]) : vm.ended);
  release();
  if (process.connected) process.disconnect?.();
}

function endMachine({ pid }: VirtualMachine): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The parent has been faster.
  }
}

function optionsOf({ board, ...task }: KeeperTask): VmOptions {
  return {
    ...task,
    board: BOARDS[board],
    warn(text) {
      // Where nobody listens any more, the line stands in the keeper's own log.
      process.stderr.write(`${text}\n`);
      tell({ kind: 'warning', text });
    },
  };
}

function tell(news: KeeperNews): void {
  if (process.connected) process.send?.(news);
}
