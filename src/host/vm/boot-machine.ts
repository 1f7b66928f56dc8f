// Starts a machine and waits for its page. One that panics or hangs meanwhile is named with the last lines of its console,
// and started again once: under emulation, a fault of a moment is the likeliest reason.

import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProgressReporter, ProgressStep } from '../progress.ts';
import { UserError } from '../user-error.ts';
import { type BootFault, BootJudge, type BootLimits, type BootSigns } from './boot-judge.ts';
import { readRunState } from './guest-runs.ts';
import { readProcessTime } from './process-time.ts';
import { QmpClient } from './qmp.ts';
import { powerOff, type VirtualMachine } from './virtual-machine.ts';

export interface BootMachineOptions {
  /** Called again for the second try. */
  start: () => Promise<VirtualMachine>;
  isUp: (vm: VirtualMachine) => Promise<boolean>;
  /** What somebody should know although it goes on. */
  warn: (text: string) => void;
  report: ProgressReporter;
  signal?: AbortSignal;
  limits?: Partial<BootLimits>;
  /** Time from one look at the page to the next. */
  askEveryMs?: number;
  /** Time from one look at the console and the processor time to the next. */
  lookEveryMs?: number;
}

const ASK_EVERY_MS = 200;
const LOOK_EVERY_MS = 1000;
const SHOWN_CONSOLE_LINES = 15;

/** Rejects when the machine does not come up, and has ended it then; not when `signal` is why. */
export async function bootMachine(options: BootMachineOptions): Promise<VirtualMachine> {
  const first = await bootOnce(options);
  if (!('fault' in first)) return first.vm;
  if (first.fault.kind !== 'panic' && first.fault.kind !== 'hang') throw await bootFailure(first, 1);
  options.warn(
    `The virtual machine is started again, because ${first.fault.what}. ${await endOfConsole(first.vm)}`,
  );
  const second = await bootOnce(options);
  if ('fault' in second) throw await bootFailure(second, 2);
  return second.vm;
}

interface FailedBoot {
  vm: VirtualMachine;
  fault: Pick<BootFault, 'what'> & { kind: BootFault['kind'] | 'ended' };
}

async function bootOnce(options: BootMachineOptions): Promise<{ vm: VirtualMachine } | FailedBoot> {
  const vm = await options.start();
  const how = vm.accelerator === 'tcg' ? ' (emulated: this takes longer than on hardware)' : '';
  const waiting = options.report.start(`Booting${how}`);
  const fault = await watch(vm, options, waiting);
  waiting.done(fault?.what);
  if (fault === null) return { vm };
  if (fault.kind !== 'ended') await powerOff(vm, vm.ended, 0);
  return { vm, fault };
}

/** Null: it is up. */
async function watch(
  vm: VirtualMachine,
  { isUp, signal, limits, askEveryMs = ASK_EVERY_MS, lookEveryMs = LOOK_EVERY_MS }: BootMachineOptions,
  waiting: ProgressStep,
): Promise<FailedBoot['fault'] | null> {
  const judge = new BootJudge(limits);
  let hasEnded = false;
  void vm.ended.then(() => (hasEnded = true));
  let nextLookMs = 0;
  while (!(await isUp(vm))) {
    signal?.throwIfAborted();
    if (hasEnded) return { kind: 'ended', what: 'QEMU ended' };
    if (performance.now() >= nextLookMs) {
      const signs = await readSigns(vm).catch(() => undefined);
      const fault = signs && judge.look(signs);
      if (fault) return fault;
      waiting.tell(judge.slowness() ?? '');
      nextLookMs = performance.now() + lookEveryMs;
    }
    await delay(askEveryMs);
  }
  return null;
}

/** Rejects when the machine has just gone. */
async function readSigns(vm: VirtualMachine): Promise<BootSigns> {
  const [time, console, runState] = await Promise.all([
    readProcessTime(vm.pid),
    readConsole(vm),
    // Emulation runs every instruction.
    vm.accelerator === 'tcg' ? 'running' : askRunState(vm),
  ]);
  return { atMs: performance.now(), ...time, console, runState };
}

async function askRunState({ qmpSocketPath }: VirtualMachine): Promise<string> {
  const client = await QmpClient.connect(qmpSocketPath, LOOK_EVERY_MS);
  try {
    return await readRunState(client);
  } finally {
    client.close();
  }
}

async function bootFailure({ vm, fault }: FailedBoot, tries: number): Promise<UserError> {
  const again = tries === 1 ? '' : ', also when it was started again';
  return new UserError(`Cannot boot the virtual machine: ${fault.what}${again}`, {
    topic: 'vm-does-not-boot',
    hint: await endOfConsole(vm),
  });
}

async function endOfConsole(vm: VirtualMachine): Promise<string> {
  const lines = (await readConsole(vm)).trimEnd().split(/\r?\n/).slice(-SHOWN_CONSOLE_LINES);
  return `The whole console is in "${vm.consolePath}". It ends with:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

function readConsole({ consolePath }: VirtualMachine): Promise<string> {
  return readFile(consolePath, 'latin1').catch(() => '');
}
