// From starting QEMU to the kernel's first line, init's, the first app's, and the first answer of the page: time and
// processor time, with the reads from the disk that it took until the page, and the memory in use when all is at rest:
// medians of several first boots of examples/demo on this computer's architecture. How busy the computer is shows much less in
// processor time than in time, but it shows (two processors may be one core), hence boots of two checkouts in turn.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HOST_BOARD } from '../test/support/machines/host-board.ts';
import type { Instance } from '../src/host/config/instance.ts';
import { openDevice } from '../src/host/devices/open-device.ts';
import { answers } from '../src/host/vm/answers.ts';
import { QmpClient } from '../src/host/vm/qmp.ts';
import { powerOff, startVirtualMachine, type VirtualMachine } from '../src/host/vm/virtual-machine.ts';
import { checkouts, runTsk } from './checkouts.ts';
import { cpuSecondsOf } from './cpu-time.ts';
import { copyDemo, setKernelArguments } from './demo-copy.ts';
import { type Figures, medians, say } from './figures.ts';

/** Text on the console by which a stage is known. */
const STAGES = {
  Kernel: /Linux version/,
  Init: /\] init: /,
  App: /\] (?:hello|go-clock): /,
} as const;

/** QEMU's table of connections has what the device has sent: it has an address. A try that came earlier would only end at its limit. */
const HAS_ADDRESS = /^\s*UDP\S* .*10\.0\.2\.15 /m;

/** After the page is there, until the device has nothing left to do. */
const SETTLE_MS = 20_000;

export async function benchBoot(runs: number, against: string | undefined): Promise<Figures> {
  const instance = await copyDemo();
  // The apps' own lines go to the log rings; this copies them to the console, where their time can be seen.
  await setKernelArguments(instance, ['tskrazy.console=logs']);
  const diskPath = join(instance.directory, 'disk.img');
  const measured = checkouts(against).map((checkout) => ({
    checkout,
    boots: [] as Record<string, number>[],
  }));
  for (let run = 0; run < runs; run += 1) {
    for (const { checkout, boots } of measured) {
      runTsk(checkout, instance.directory, ['build', '--disk', diskPath]);
      const figures = await measureBoot(instance, diskPath);
      say(`boot ${run + 1} of ${runs}, ${checkout.name}: ${JSON.stringify(figures)}`);
      boots.push(figures);
    }
  }
  const [now, other] = measured.map(({ boots }) => medians(boots));
  return { board: HOST_BOARD.id, runs, ...now, ...(other === undefined ? {} : { against: other }) };
}

async function measureBoot(instance: Instance, diskPath: string): Promise<Record<string, number>> {
  const started = performance.now();
  const vm = await startVirtualMachine({
    board: HOST_BOARD,
    name: 'bench',
    diskPath,
    directory: instance.directory,
    forwards: [{ hostPort: 0, guestPort: 80 }],
  });
  const host = `127.0.0.1:${vm.ports.get(80) ?? 0}`;
  const atPage = measureUntilPage(vm, `http://${host}/health`, started);
  const figures: Record<string, number> = {};
  while (Object.keys(figures).length < 2 * Object.keys(STAGES).length) {
    const console = await readConsole(vm);
    for (const [stage, pattern] of Object.entries(STAGES)) {
      if (`bootTo${stage}Ms` in figures || !pattern.test(console)) continue;
      figures[`bootTo${stage}Ms`] = Math.round(performance.now() - started);
      figures[`bootTo${stage}CpuSeconds`] = cpuSecondsOf(vm.pid);
    }
    await delay(10);
  }
  Object.assign(figures, await atPage);
  await delay(SETTLE_MS);
  const signal = AbortSignal.timeout(SETTLE_MS);
  // In clear, as only the port of the page is forwarded, and devices of before TLS have no other.
  const device = await openDevice({ instance, host, signal, insecureHttp: true, warn: () => {} });
  const { memory } = device.status.usage;
  figures['idleUsedMiB'] = (memory.totalBytes - memory.availableBytes) / 2 ** 20;
  await powerOff(vm, vm.ended, 60_000);
  return figures;
}

const TRY_MS = 2000;

async function measureUntilPage(
  vm: VirtualMachine,
  url: string,
  started: number,
): Promise<Record<string, number>> {
  await hasAddress(vm);
  while (!(await answers(url, TRY_MS))) await delay(20);
  const bootToPageMs = Math.round(performance.now() - started);
  const bootCpuSeconds = cpuSecondsOf(vm.pid);
  return { bootToPageMs, bootCpuSeconds, bootReadMiB: await readMiB(vm.qmpSocketPath) };
}

async function hasAddress({ qmpSocketPath }: VirtualMachine): Promise<void> {
  const client = await QmpClient.connect(qmpSocketPath);
  try {
    while (!HAS_ADDRESS.test(await client.monitor('info usernet'))) await delay(50);
  } finally {
    client.close();
  }
}

function readConsole({ consolePath }: VirtualMachine): Promise<string> {
  return readFile(consolePath, 'utf8').catch(() => '');
}

/** All that the machine has read from its disk: firmware, boot loader, kernel and root. */
export async function readMiB(qmpSocketPath: string): Promise<number> {
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
