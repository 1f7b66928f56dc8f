// How many lines of log a device takes, and how late init is while a service writes more than that.

import { setTimeout as delay } from 'node:timers/promises';
import type { ProbeDevice } from '../test/support/machines/probe-device.ts';
import { type Figures, median, type Row } from './figures.ts';

export async function measureLines(device: ProbeDevice): Promise<Figures> {
  return { logLinesPerSec: await measureLogLines(device), initAmongLines: await measureLateness(device) };
}

/** More than init takes from anybody. */
const LINES_OF_FLOODS = [0, 1000, 10_000, 100_000];
const FLOOD_SEC = 5;

/** An answer that `web` gets from init each time, while that many lines a second come. */
async function measureLateness(device: ProbeDevice): Promise<Row[]> {
  const rows: Row[] = [];
  for (const linesPerSec of LINES_OF_FLOODS) {
    const flood =
      linesPerSec === 0 ? delay(FLOOD_SEC * 1000) : device.writeLines(linesPerSec * FLOOD_SEC, linesPerSec);
    const over = new AbortController();
    void flood.finally(() => over.abort());
    const times: number[] = [];
    while (!over.signal.aborted) {
      const started = performance.now();
      await device.logLines('web', 1);
      times.push(performance.now() - started);
    }
    rows.push({ linesPerSec, answerMs: median(times), longestMs: Math.max(...times) });
  }
  return rows;
}

const LOG_SECONDS = 10;
const LOG_RATES = [500, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 10_000, 15_000, 20_000];
/** Lines of 100 bytes that use up what init lets a service write at once. */
const BURST_LINES = 60_000;
/** What was dropped is announced with a delay. */
const NOTICE_MS = 1200;

/** The highest of the rates that a service keeps up for ten seconds, after a burst, with nothing dropped. */
async function measureLogLines(device: ProbeDevice): Promise<number> {
  let best = 0;
  for (const perSecond of LOG_RATES) {
    await device.writeLines(BURST_LINES, 1e9);
    await delay(NOTICE_MS);
    const before = await lastSeq(device);
    const lines = perSecond * LOG_SECONDS;
    const elapsedMs = await device.writeLines(lines, perSecond);
    await delay(NOTICE_MS);
    if ((await lastSeq(device)) - before < lines || (await hasDropped(device, before))) break;
    best = Math.max(best, Math.round(lines / (elapsedMs / 1000)));
  }
  return best;
}

async function lastSeq(device: ProbeDevice): Promise<number> {
  return (await device.logLines('probe', 1)).at(-1)?.seq ?? 0;
}

async function hasDropped(device: ProbeDevice, since: number): Promise<boolean> {
  const lines = await device.logLines('probe', 1000);
  return lines.some(
    ({ seq, stream, text }) => seq > since && stream === 'init' && text.startsWith('dropped'),
  );
}
