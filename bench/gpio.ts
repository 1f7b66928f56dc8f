// What edges of a GPIO line cost a program, over lines whose edges come through pipes (test/support/gpio/fake-kernel.ts): how
// many a second are taken without loss, how long one is on its way from where it happened to the program's loop, and what
// waiting for edges takes of memory. The chip itself and its interrupts are not in here.

import { setTimeout as delay } from 'node:timers/promises';
import { DeviceGpio } from '../src/app/gpio/device-gpio.ts';
import type { Edge } from '../src/app/gpio/types.ts';
import { FakeKernel } from '../test/support/gpio/fake-kernel.ts';
import { type Figures, median, type Row } from './figures.ts';

const RATES = [100, 1000, 10_000, 50_000, 100_000, 200_000];
const SECONDS = 2;
const LINE = 4;

export async function benchGpio(runs: number): Promise<Figures> {
  const fake = new FakeKernel({ '/dev/gpiochip0': { label: 'pinctrl-bcm2711' } });
  const gpio = new DeviceGpio(fake.kernel, 'bench');
  const before = process.memoryUsage.rss();
  using line = gpio.input(LINE);
  const edges = line.edges();
  fake.edge(LINE, true);
  await edges.next();
  await delay(1000);
  const threadBytes = process.memoryUsage.rss() - before;
  const storms: Row[] = [];
  for (const perSecond of RATES) {
    const rows: number[][] = [];
    for (let run = 0; run < runs; run++) rows.push(await storm(fake, edges, perSecond));
    const [lost, p50, p99] = [0, 1, 2].map((column) => median(rows.map((row) => row[column]!)));
    storms.push({ perSecond, lost: lost!, latencyUs: p50!, latency99Us: p99! });
  }
  return { threadBytes, storms };
}

/** Edges lost, and latencies in microseconds: median, 99th of 100. */
async function storm(fake: FakeKernel, edges: AsyncIterator<Edge>, perSecond: number): Promise<number[]> {
  const count = perSecond * SECONDS;
  const latencies: number[] = [];
  let lost = 0;
  const { ended } = fake.storm(LINE, { count, perSecond, waits: false });
  // One that is certain to be the last.
  void ended.then(() => fake.edge(LINE, true));
  for (let seen = 0; seen < count + 1;) {
    const { value } = (await edges.next()) as { value: Edge };
    seen += 1 + value.lost;
    lost += value.lost;
    latencies.push(Number(process.hrtime.bigint() - value.timeNs) / 1000);
  }
  latencies.sort((a, b) => a - b);
  return [lost, median(latencies), latencies[Math.floor(latencies.length * 0.99)]!];
}
