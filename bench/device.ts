// What a device of 512 MB costs and does when it has nothing to do, and when it is asked much: one boot in a
// virtual machine on this computer's architecture. Emulated where there is no KVM: figures of time then tell
// only as compared with others of the same computer.

import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { WEB_API } from '../src/shared/api/web-api.ts';
import { measureLines } from './device-lines.ts';
import { measurePage } from './device-page.ts';
import { measureTls } from './device-tls.ts';
import { type Figures, median, type Row, say } from './figures.ts';
import { HOST_BOARD } from '../test/support/machines/host-board.ts';
import { PROBE_APP, ProbeDevice, ProbeDisk } from '../test/support/machines/probe-device.ts';

const MEMORY_MIB = 512;
/** After boot, until it is idle. */
const SETTLE_MS = 15_000;
const IDLE_MS = 60_000;
const LOAD_MS = 10_000;
const CLIENTS = 4;
const LATENCY_INTERVAL_MS = 25;

export async function benchDevice(runs: number): Promise<Figures> {
  say('building and booting');
  const disk = await ProbeDisk.make({ apps: { probe: { ...PROBE_APP, autostart: false } } });
  const device = await ProbeDevice.boot(disk, { memoryMiB: MEMORY_MIB });
  try {
    const figures: Figures = { board: HOST_BOARD.id, bootToPageMs: Math.round(device.bootToPageMs) };
    Object.assign(figures, await measureIdleMemory(device));
    await device.act('probe', 'start');
    await device.probeAnswers();
    say('idle for a minute, with one app that does nothing');
    Object.assign(figures, await measureIdle(device));
    say('requests and their effect on an app');
    Object.assign(figures, await measureRequests(device));
    say('requests over a restart of the page');
    Object.assign(figures, await measureRestart(device));
    say('TLS');
    Object.assign(figures, await measureTls(device, disk, runs));
    say('log lines');
    Object.assign(figures, await measureLines(device));
    say('the page in Chromium');
    const place = {
      url: device.pageUrl,
      tlsUrl: `https://127.0.0.1:${device.tlsPort}/`,
      password: disk.password,
    };
    Object.assign(figures, await measurePage(place, runs));
    return figures;
  } finally {
    await device.stop();
  }
}

/** Of the system alone: no app runs. */
async function measureIdleMemory(device: ProbeDevice): Promise<Figures> {
  await delay(SETTLE_MS);
  const { totalBytes, availableBytes } = (await device.status()).usage.memory;
  return { idleUsedMiB: (totalBytes - availableBytes) / 2 ** 20, totalMiB: totalBytes / 2 ** 20 };
}

async function measureIdle(device: ProbeDevice): Promise<Figures> {
  await delay(SETTLE_MS);
  const { cpu: before } = await device.figures();
  await delay(IDLE_MS);
  const { cpu: after, processes, totalKiB, availableKiB } = await device.figures();
  const busyFraction = (after.busyTicks - before.busyTicks) / (after.totalTicks - before.totalTicks);
  const byProcess = (figure: 'privateKiB' | 'pssKiB'): Row =>
    Object.fromEntries(processes.map((each) => [each.service, each[figure]]));
  return {
    idleCpuPercent: busyFraction * 100,
    idleWithAppUsedMiB: (totalKiB - availableKiB) / 1024,
    privateKiB: byProcess('privateKiB'),
    pssKiB: byProcess('pssKiB'),
  };
}

async function measureRequests(device: ProbeDevice): Promise<Figures> {
  const idle = await timeApp(device.probeUrl, AbortSignal.timeout(LOAD_MS));
  const end = AbortSignal.timeout(LOAD_MS);
  const [busy, ...counts] = await Promise.all([
    timeApp(device.probeUrl, end),
    ...Array.from({ length: CLIENTS }, () => askForStatus(device, end)),
  ]);
  return {
    statusReqPerSec: counts.reduce((sum, count) => sum + count, 0) / (LOAD_MS / 1000),
    appLatencyIdleMs: median(idle),
    appLatencyBusyMs: median(busy),
    appLatencyIdleP95Ms: percentile95(idle),
    appLatencyBusyP95Ms: percentile95(busy),
  };
}

async function askForStatus(device: ProbeDevice, end: AbortSignal): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const options = { agent, headers: { authorization: device.authorization } };
  let count = 0;
  for (; !end.aborted; count++) await get(new URL(WEB_API.status, device.pageUrl), options);
  agent.destroy();
  return count;
}

async function timeApp(url: string, end: AbortSignal): Promise<number[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  while (!end.aborted) {
    const started = performance.now();
    await get(new URL(url), { agent });
    times.push(performance.now() - started);
    await delay(LATENCY_INTERVAL_MS);
  }
  agent.destroy();
  return times;
}

function get(url: URL, options: http.RequestOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    http
      .get(url, options, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${url.pathname}: ${response.statusCode}`));
        response.resume().on('end', resolve);
      })
      .on('error', reject);
  });
}

/** A new connection for each request, so that some come while nobody is there to accept them. */
async function measureRestart(device: ProbeDevice): Promise<Figures> {
  const { startCount } = await device.service('web');
  const restarted = new AbortController();
  let lost = 0;
  const times: number[] = [];
  const asking = Array.from({ length: CLIENTS }, async () => {
    while (!restarted.signal.aborted) {
      const started = performance.now();
      await get(new URL(WEB_API.health, device.pageUrl), { agent: false }).catch(() => lost++);
      times.push(performance.now() - started);
    }
  });
  await device.act('web', 'restart');
  // A connection that was kept is closed by the old process, maybe just as it is used again.
  const count = async (): Promise<number> =>
    (await device.service('web').catch(() => undefined))?.startCount ?? 0;
  while ((await count()) <= startCount) await delay(LATENCY_INTERVAL_MS);
  restarted.abort();
  await Promise.all(asking);
  return { webRestartLost: lost, webRestartAsked: times.length, webRestartLongestMs: Math.max(...times) };
}

function percentile95(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN;
}
