// From starting QEMU to the kernel's first line, init's, the first app's, and the first answer of the page, with the
// processor time and the reads from the disk that it took until then, and the memory in use when all is at rest:
// medians of several boots of examples/demo on this computer's architecture. How busy the computer is shows much less in
// processor time than in time, but it shows (two processors may be one core), hence boots of two checkouts in turn.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BOARDS } from '../src/shared/board/boards.ts';
import type { Instance } from '../src/host/config/instance.ts';
import { openDevice } from '../src/host/devices/open-device.ts';
import { answers } from '../src/host/vm/answers.ts';
import { QmpClient } from '../src/host/vm/qmp.ts';
import { powerOff, startVirtualMachine, type VirtualMachine } from '../src/host/vm/virtual-machine.ts';
import { checkouts, runTsk } from './checkouts.ts';
import { cpuSecondsOf } from './cpu-time.ts';
import { copyDemo } from './demo-copy.ts';
import { type Figures, medians, say } from './figures.ts';

/** Text on the console by which a stage is known. */
const STAGES = {
  bootToKernelMs: /Linux version/,
  bootToInitMs: /\] init: /,
  bootToAppMs: /\] (?:hello|go-clock): /,
} as const;

/** After the page is there, until the device has nothing left to do. */
const SETTLE_MS = 20_000;

export async function benchBoot(runs: number, against: string | undefined): Promise<Figures> {
  const board = BOARDS[process.arch === 'arm64' ? 'pc-arm64' : 'pc-amd64'];
  const instance = await copyDemo();
  await showLogsOnConsole(instance);
  const diskPath = join(instance.directory, 'disk.img');
  const measured = checkouts(against).map((checkout) => ({
    checkout,
    boots: [] as Record<string, number>[],
  }));
  for (let run = 0; run < runs; run += 1) {
    for (const { checkout, boots } of measured) {
      runTsk(checkout, instance.directory, ['build', '--disk', diskPath]);
      const figures = await measureBoot(instance, diskPath, board);
      say(`boot ${run + 1} of ${runs}, ${checkout.name}: ${JSON.stringify(figures)}`);
      boots.push(figures);
    }
  }
  const [now, other] = measured.map(({ boots }) => medians(boots));
  return { board: board.id, runs, ...now, ...(other === undefined ? {} : { against: other }) };
}

/** The apps' own lines go to the log rings; this copies them to the console, where their time can be seen. */
async function showLogsOnConsole({ configPath }: Instance): Promise<void> {
  const config = await readFile(configPath, 'utf8');
  const kernel = '"kernel": { "extraArgs": ["tskrazy.console=logs"] }';
  await writeFile(configPath, config.replace('"apps":', `${kernel},\n  "apps":`));
}

async function measureBoot(
  instance: Instance,
  diskPath: string,
  board: (typeof BOARDS)[keyof typeof BOARDS],
): Promise<Record<string, number>> {
  const started = performance.now();
  const vm = await startVirtualMachine({
    board,
    name: 'bench',
    diskPath,
    directory: instance.directory,
    forwards: [{ hostPort: 0, guestPort: 80 }],
  });
  const host = `127.0.0.1:${vm.ports.get(80) ?? 0}`;
  const atPage = measureUntilPage(vm, `http://${host}/health`, started);
  const figures: Record<string, number> = {};
  while (Object.keys(figures).length < Object.keys(STAGES).length) {
    const console = await readFile(vm.consolePath, 'utf8').catch(() => '');
    for (const [stage, pattern] of Object.entries(STAGES)) {
      if (figures[stage] === undefined && pattern.test(console))
        figures[stage] = Math.round(performance.now() - started);
    }
    await delay(10);
  }
  Object.assign(figures, await atPage);
  await delay(SETTLE_MS);
  const signal = AbortSignal.timeout(SETTLE_MS);
  const { memory } = (await openDevice({ instance, host, signal, warn: say })).status.usage;
  figures['idleUsedMiB'] = (memory.totalBytes - memory.availableBytes) / 2 ** 20;
  await powerOff(vm, vm.ended, 60_000);
  return figures;
}

/** The time is rounded up to the end of a try that came too early. */
const TRY_MS = 2000;

async function measureUntilPage(
  vm: VirtualMachine,
  url: string,
  started: number,
): Promise<Record<string, number>> {
  while (!(await answers(url, TRY_MS))) await delay(20);
  const bootToPageMs = Math.round(performance.now() - started);
  const bootCpuSeconds = cpuSecondsOf(vm.pid);
  return { bootToPageMs, bootCpuSeconds, bootReadMiB: await readMiB(vm.qmpSocketPath) };
}

/** All that the machine has read from its disk: firmware, boot loader, kernel and root. */
async function readMiB(qmpSocketPath: string): Promise<number> {
  const client = await QmpClient.connect(qmpSocketPath);
  try {
    const devices = (await client.execute('query-blockstats')) as readonly {
      device: string;
      stats: { rd_bytes: number };
    }[];
    const disk = devices.find(({ device }) => device === 'disk');
    return (disk?.stats.rd_bytes ?? Number.NaN) / 2 ** 20;
  } finally {
    client.close();
  }
}
