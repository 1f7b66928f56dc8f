// From starting QEMU to the kernel's first line, init's, the first app's, and the first answer of the page:
// medians of several boots of examples/demo on this computer's architecture.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BOARDS } from '../src/shared/board/boards.ts';
import { buildImage } from '../src/host/build/build-image.ts';
import { DEFAULT_DISK_BYTES, writeDiskImage } from '../src/host/build/disk-image.ts';
import { silentProgress } from '../src/host/progress.ts';
import { answers } from '../src/host/vm/answers.ts';
import { powerOff, startVirtualMachine } from '../src/host/vm/virtual-machine.ts';
import { copyDemo } from './demo-copy.ts';
import { type Figures, median, say } from './figures.ts';

/** Text on the console by which a stage is known. */
const STAGES = {
  bootToKernelMs: /Linux version/,
  bootToInitMs: /\] init: /,
  bootToAppMs: /\] (?:hello|go-clock): /,
} as const;

export async function benchBoot(runs: number): Promise<Figures> {
  const board = BOARDS[process.arch === 'arm64' ? 'pc-arm64' : 'pc-amd64'];
  const instance = await copyDemo();
  // The apps' own lines go to the log rings; this copies them to the console, where their time can be seen.
  const kernel = { extraArgs: [...instance.config.kernel.extraArgs, 'tskrazy.console=logs'] };
  const image = await buildImage({
    instance: { ...instance, config: { ...instance.config, kernel } },
    board,
    offline: false,
    report: silentProgress,
  });
  const diskPath = join(instance.directory, 'disk.img');
  const samples: Record<string, number[]> = {};
  for (let run = 0; run < runs; run += 1) {
    await writeDiskImage(image, diskPath, { sizeBytes: DEFAULT_DISK_BYTES });
    const times = await timeBoot(instance.directory, diskPath, board);
    say(`boot ${run + 1} of ${runs}: ${JSON.stringify(times)}`);
    for (const [stage, ms] of Object.entries(times)) (samples[stage] ??= []).push(ms);
  }
  await image.dispose();
  const medians = Object.entries(samples).map(([stage, values]) => [stage, median(values)] as const);
  return { board: board.id, runs, ...Object.fromEntries(medians) };
}

async function timeBoot(
  directory: string,
  diskPath: string,
  board: (typeof BOARDS)[keyof typeof BOARDS],
): Promise<Record<string, number>> {
  const started = performance.now();
  const vm = await startVirtualMachine({
    board,
    name: 'bench',
    diskPath,
    directory,
    forwards: [{ hostPort: 0, guestPort: 80 }],
  });
  const page = timePage(`http://127.0.0.1:${vm.ports.get(80) ?? 0}/health`, started);
  const times: Record<string, number> = {};
  while (Object.keys(times).length < Object.keys(STAGES).length) {
    const console = await readFile(vm.consolePath, 'utf8').catch(() => '');
    for (const [stage, pattern] of Object.entries(STAGES)) {
      if (times[stage] === undefined && pattern.test(console))
        times[stage] = Math.round(performance.now() - started);
    }
    await delay(10);
  }
  times['bootToPageMs'] = await page;
  await powerOff(vm, vm.ended, 60_000);
  return times;
}

/** The figure is rounded up to the end of a try that came too early. */
const TRY_MS = 2000;

async function timePage(url: string, started: number): Promise<number> {
  while (!(await answers(url, TRY_MS))) await delay(20);
  return Math.round(performance.now() - started);
}
