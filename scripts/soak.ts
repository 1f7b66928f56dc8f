// node scripts/soak.ts [--minutes 30] [--json]: a device with a crashing, a flooding and a normal app, somebody who
// watches the page all the while, and the memory of every process of ours sampled. Ends with whether each is flat;
// exit code 1 when one is not, or when something of ours was started again.

import { setTimeout as delay } from 'node:timers/promises';
import { DEVICE_PROGRAMS, SYSTEM_SERVICES } from '../src/shared/services/device-programs.ts';
import { WEB_API } from '../src/shared/api/web-api.ts';
import {
  type DeviceFigures,
  type ProcessFigures,
  ProbeDevice,
  ProbeDisk,
  PROBE_APP,
} from '../test/support/machines/probe-device.ts';
import { parseOptions, usageError } from './parse-options.ts';

const SAMPLE_MS = 5000;
/** Node.js takes its time to find its size: what is compared is the second quarter with the last. */
const MIN_SAMPLES = 16;
const SETTLED_AFTER_MINUTES = 15;
/** What the lowest of two quarters may differ by chance. */
const TOLERANCE_KIB = 4096;

const USAGE = 'node scripts/soak.ts [--minutes N] [--json]';

const { values } = parseOptions(
  {
    options: { minutes: { type: 'string', default: '30' }, json: { type: 'boolean', default: false } },
  },
  USAGE,
);
const minutes = Number(values.minutes);
if (!(minutes > 0)) usageError(USAGE);

interface Trend {
  service: string;
  samples: number;
  earlyKiB: number;
  lateKiB: number;
  maxKiB: number;
  earlyFiles: number;
  lateFiles: number;
  isFlat: boolean;
}

const disk = await ProbeDisk.make({
  apps: {
    probe: PROBE_APP,
    crasher: { source: 'crasher.ts' },
    flooder: { source: 'flooder.ts' },
  },
});
const device = await ProbeDevice.boot(disk);
await device.probeAnswers();
const watcher = watchPage(device);
const samples = await sample(device, Date.now() + minutes * 60_000);
watcher.abort();
const restarted = await startedAgain(device);
await device.stop();
report(
  DEVICE_PROGRAMS.map(({ name: service }) => trendOf(service, samples)),
  restarted,
);

/** As an open page does: live status, and the log of the flooding app. */
function watchPage({ pageUrl, authorization }: ProbeDevice): AbortController {
  const end = new AbortController();
  for (const path of [WEB_API.events, WEB_API.log('flooder', { follow: true })]) void read(path);
  return end;

  async function read(path: string): Promise<void> {
    try {
      const response = await fetch(new URL(path, pageUrl), {
        headers: { authorization },
        signal: end.signal,
      });
      for await (const chunk of response.body ?? []) void chunk;
    } catch {
      // The end of the soak, or the device's: the samples tell.
    }
    if (!end.signal.aborted) setTimeout(() => void read(path), 1000);
  }
}

async function sample(device: ProbeDevice, endMs: number): Promise<DeviceFigures[]> {
  const samples: DeviceFigures[] = [];
  while (Date.now() < endMs) {
    const figures = await device.figures();
    samples.push(figures);
    if (process.stderr.isTTY || samples.length % 12 === 1) process.stderr.write(`${describe(figures)}\n`);
    await delay(SAMPLE_MS);
  }
  return samples;
}

function describe({ processes, availableKiB }: DeviceFigures): string {
  const parts = processes.map(({ service, privateKiB }) => `${service} ${Math.round(privateKiB / 1024)}`);
  return `${new Date().toISOString()} MiB private: ${parts.join(', ')}; available ${Math.round(availableKiB / 1024)}`;
}

/** What should have run through. */
async function startedAgain(device: ProbeDevice): Promise<string[]> {
  const watched: string[] = [...SYSTEM_SERVICES.map(({ name }) => name), 'probe', 'flooder'];
  const { services } = await device.status();
  return services
    .filter(({ name, startCount }) => watched.includes(name) && startCount !== 1)
    .map(({ name, startCount, lastExit }) => `${name}: ${startCount} starts, ${JSON.stringify(lastExit)}`);
}

function trendOf(service: string, samples: readonly DeviceFigures[]): Trend {
  const own = samples.flatMap(({ processes }) => processes.find((each) => each.service === service) ?? []);
  const quarter = Math.floor(own.length / 4);
  const early = own.slice(quarter, 2 * quarter);
  const late = own.slice(-quarter);
  // The lowest: a heap goes up and down between two collections, a leak raises what is left after them.
  const [earlyKiB, lateKiB] = [lowest(early), lowest(late)];
  const [earlyFiles, lateFiles] = [averageFiles(early), averageFiles(late)];
  return {
    service,
    samples: own.length,
    earlyKiB,
    lateKiB,
    maxKiB: Math.max(...own.map(({ privateKiB }) => privateKiB)),
    earlyFiles,
    lateFiles,
    isFlat: own.length >= MIN_SAMPLES && lateKiB - earlyKiB < TOLERANCE_KIB && lateFiles - earlyFiles < 4,
  };
}

function lowest(processes: readonly ProcessFigures[]): number {
  return Math.min(...processes.map(({ privateKiB }) => privateKiB));
}

function averageFiles(processes: readonly ProcessFigures[]): number {
  return processes.reduce((sum, { files }) => sum + files, 0) / processes.length;
}

function report(trends: readonly Trend[], restarted: readonly string[]): void {
  if (values.json) {
    console.log(JSON.stringify({ minutes, trends, restarted }));
  } else {
    for (const trend of trends) {
      const { service, earlyKiB, lateKiB, maxKiB, earlyFiles, lateFiles, isFlat } = trend;
      const change = `${earlyKiB} -> ${lateKiB} KiB (at most ${maxKiB}), ${earlyFiles.toFixed(1)} -> ${lateFiles.toFixed(1)} files`;
      console.log(`${service.padEnd(5)} ${isFlat ? 'flat' : 'NOT FLAT'}: ${change}`);
    }
    for (const line of restarted) console.log(`STARTED AGAIN ${line}`);
    if (minutes < SETTLED_AFTER_MINUTES)
      console.log('A short soak: the heaps may not have found their size yet');
  }
  process.exitCode = trends.every(({ isFlat }) => isFlat) && restarted.length === 0 ? 0 : 1;
}
