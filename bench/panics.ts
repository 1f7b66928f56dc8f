// Boots of examples/demo on a computer that is too busy for them, twice as many at once as it has processors, with one
// emulated processor and with two: how many machines were started again because their kernel panicked or hung, and on how
// many the kernel gave up the time stamp counter, which is how panics begin.

import { mkdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { BOARDS } from '../src/shared/board/boards.ts';
import type { Instance } from '../src/host/config/instance.ts';
import { silentProgress } from '../src/host/progress.ts';
import { answers } from '../src/host/vm/answers.ts';
import { bootMachine } from '../src/host/vm/boot-machine.ts';
import { powerOff, startVirtualMachine, type VirtualMachine } from '../src/host/vm/virtual-machine.ts';
import { OWN, runTsk } from './checkouts.ts';
import { copyDemo, setKernelArguments } from './demo-copy.ts';
import { type Figures, type Row, say } from './figures.ts';

const VARIANTS = [
  { processors: 1, kernelArguments: [] },
  { processors: 2, kernelArguments: [] },
  { processors: 2, kernelArguments: ['tsc=nowatchdog'] },
] as const;
const BOARD = BOARDS['pc-amd64'];
const TRY_MS = 2000;
/** Lines of the kernel. */
const LOST_COUNTER = /tsc.*(?:unstable|skewed)|Switched to clocksource (?!tsc)/;

export async function benchPanics(runs: number): Promise<Figures> {
  const rows: Row[] = [];
  for (const variant of VARIANTS) {
    const instance = await copyDemo();
    const { processors, kernelArguments } = variant;
    const name = [`${processors} processors`, ...kernelArguments].join(' ');
    await setKernelArguments(instance, kernelArguments);
    const diskPath = join(instance.directory, 'disk.img');
    runTsk({ directory: OWN }, instance.directory, ['build', '--disk', diskPath]);
    const outcomes: BootOutcome[] = [];
    let begun = 0;
    const bootSome = async (): Promise<void> => {
      while (begun < runs) {
        begun += 1;
        outcomes.push(await bootOne({ instance, diskPath, processors, number: begun }));
        const { problems, lostCounter } = outcomes.at(-1)!;
        say(
          `${name}: boot ${outcomes.length} of ${runs}${lostCounter ? ', without its counter' : ''} ${problems.join('; ')}`,
        );
      }
    };
    await Promise.all(Array.from({ length: 2 * availableParallelism() }, bootSome));
    const count = (is: (outcome: BootOutcome) => boolean): number => outcomes.filter(is).length;
    rows.push({
      processors,
      kernelArguments: kernelArguments.join(' '),
      boots: runs,
      startedAgain: count(({ problems }) => problems.length > 0),
      withoutCounter: count(({ lostCounter }) => lostCounter),
      problems: outcomes.flatMap(({ problems }) => problems).join('; '),
    });
  }
  return { board: BOARD.id, variants: rows };
}

interface BootOutcome {
  problems: readonly string[];
  lostCounter: boolean;
}

interface BootPlan {
  instance: Instance;
  diskPath: string;
  processors: number;
  number: number;
}

async function bootOne({ instance, diskPath, processors, number }: BootPlan): Promise<BootOutcome> {
  const directory = join(instance.directory, `boot-${number}`);
  await mkdir(directory);
  const problems: string[] = [];
  let lostCounter = false;
  try {
    const vm = await bootMachine({
      start: () =>
        startVirtualMachine({
          board: BOARD,
          name: `boot-${number}`,
          diskPath,
          directory,
          accelerator: 'tcg',
          forwards: [{ hostPort: 0, guestPort: 80 }],
          // What it writes is gone with it.
          extraArgs: ['-snapshot', '-smp', String(processors)],
        }),
      isUp,
      warn: (text) => problems.push(text.split('\n')[0] ?? ''),
      report: silentProgress,
    });
    lostCounter = LOST_COUNTER.test(await readFile(vm.consolePath, 'latin1'));
    await powerOff(vm, vm.ended, 0);
  } catch (error) {
    problems.push((error as Error).message);
  }
  await rm(directory, { recursive: true });
  return { problems, lostCounter };
}

function isUp(vm: VirtualMachine): Promise<boolean> {
  return answers(`http://127.0.0.1:${vm.ports.get(80) ?? 0}/health`, TRY_MS);
}
