// An app that measures the device from inside: what /proc says of memory and of every process, how fast it is
// answered itself, and how many lines a second the log takes. For bench/device.ts, scripts/soak.ts and tests.

import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const PORT = 8081;
const LINE_BYTES = 100;
const TICK_MS = 50;

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://probe');
  void answer(url).then(
    (result) => response.end(JSON.stringify(result)),
    (error: unknown) => {
      response.statusCode = 500;
      response.end(String(error));
    },
  );
});
server.listen(PORT, () => console.log(`Listening on port ${PORT}`));

async function answer(url: URL): Promise<unknown> {
  const number = (name: string): number => Number(url.searchParams.get(name));
  switch (url.pathname) {
    case '/processes':
      return readProcesses();
    case '/write':
      return writeLines(number('lines'), number('perSecond'));
    default:
      return 'ok';
  }
}

function readProcesses(): unknown {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return {
    totalKiB: kib(readFileSync('/proc/meminfo', 'latin1'), 'MemTotal'),
    availableKiB: kib(readFileSync('/proc/meminfo', 'latin1'), 'MemAvailable'),
    cpu: readCpu(),
    processes: pids.flatMap((pid) => {
      try {
        const map = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
        return {
          pid: Number(pid),
          service: serviceOf(pid),
          privateKiB: kib(map, 'Private_Clean') + kib(map, 'Private_Dirty'),
          pssKiB: kib(map, 'Pss'),
          rssKiB: kib(map, 'Rss'),
          files: readdirSync(`/proc/${pid}/fd`).length,
        };
      } catch {
        // A thread of the kernel, or gone since.
        return [];
      }
    }),
  };
}

/** Ticks of all processors since boot; proc(5), fields of `cpu`: user nice system idle iowait irq softirq steal. */
function readCpu(): { busyTicks: number; totalTicks: number } {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '';
  const ticks = line.split(/ +/).slice(1, 9).map(Number);
  const totalTicks = ticks.reduce((sum, value) => sum + value, 0);
  return { totalTicks, busyTicks: totalTicks - (ticks[3] ?? 0) - (ticks[4] ?? 0) };
}

/** The cgroups of services are `/tsk/NAME` and `/apps/NAME`. */
function serviceOf(pid: string): string {
  const cgroup = readFileSync(`/proc/${pid}/cgroup`, 'latin1').trim();
  return pid === '1' ? 'init' : (/\/(?:tsk|apps)\/([^/]+)/.exec(cgroup)?.[1] ?? cgroup);
}

function kib(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** Says how long it took: a full pipe holds up who writes. */
async function writeLines(lines: number, perSecond: number): Promise<{ elapsedMs: number }> {
  const started = performance.now();
  for (let written = 0; written < lines;) {
    const due = Math.min(lines, Math.ceil(((performance.now() - started + TICK_MS) / 1000) * perSecond));
    let text = '';
    for (; written < due; written++) text += `line ${written} `.padEnd(LINE_BYTES - 1, '.') + '\n';
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    await sleep(TICK_MS);
  }
  return { elapsedMs: performance.now() - started };
}
