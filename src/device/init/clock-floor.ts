// What time it is before the network is there. A hardware clock that can be right wins, however long the device was off.
// Where there is none, or a dead battery lets it begin anew, the time is that of the image's build or the last one
// that was saved, whichever is later: wrong, but never before what is known to have been.

import { readFileSync } from 'node:fs';
import { timeLimitsOf } from '../../shared/manifest/build-time.ts';
import { TIME_STATUS_PATH, type TimeStatus } from '../../shared/network/time-status.ts';
import type { Sys } from '../sys/sys.ts';
import { writeDurably } from '../durable-file.ts';
import { STATE_DIRECTORY } from '../state-directory.ts';

const SAVED_TIME = `${STATE_DIRECTORY}/clock`;
/** A saved time further ahead of the build is a broken file or comes from a clock that was wrong: it is no device's age. */
const SAVED_TIME_LIMIT_MS = 20 * 365 * 24 * 3600 * 1000;

export interface SetClock {
  from: Date;
  to: Date;
}

/** Sets the clock to the build time where it cannot be right; returns what it did. */
export function correctClock(sys: Sys, buildTimeSec: number): SetClock | undefined {
  const { floorMs, ceilingMs } = timeLimitsOf(buildTimeSec);
  const nowMs = Date.now();
  if (nowMs >= floorMs && nowMs <= ceilingMs) return undefined;
  sys.setClock(floorMs);
  return { from: new Date(nowMs), to: new Date(floorMs) };
}

/** For a clock that `correctClock` had to set; undefined where the saved time is no better than what it is now. */
export function useSavedTime(sys: Sys, buildTimeSec: number): Date | undefined {
  const savedMs = readSavedTime(sys);
  if (savedMs === undefined) return undefined;
  const { floorMs } = timeLimitsOf(buildTimeSec);
  if (savedMs < floorMs || savedMs > floorMs + SAVED_TIME_LIMIT_MS) return undefined;
  // /perm may come late: by then time servers may have had their say.
  if (savedMs <= Date.now() || isSetByServers(sys)) return undefined;
  sys.setClock(savedMs);
  return new Date(savedMs);
}

export function saveTime(sys: Sys): void {
  writeDurably(sys.path(SAVED_TIME), `${Date.now()}\n`, 0o644);
}

/** undefined when none was saved, or not whole. */
function readSavedTime(sys: Sys): number | undefined {
  try {
    const text = readFileSync(sys.path(SAVED_TIME), 'utf8');
    return /^\d{1,16}\n$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

function isSetByServers(sys: Sys): boolean {
  try {
    const status = JSON.parse(readFileSync(sys.path(TIME_STATUS_PATH), 'utf8')) as TimeStatus;
    return status.synchronised;
  } catch {
    // No time was saved yet.
    return false;
  }
}
