// A device without a battery-backed clock starts in 1970. The clock is never before the image's build time or
// the last time that was saved, and is only ever set forwards here: a good hardware clock wins.

import { readFileSync } from 'node:fs';
import type { Sys } from '../sys/sys.ts';
import { writeDurably } from '../durable-file.ts';
import { STATE_DIRECTORY } from '../state-directory.ts';

const SAVED_TIME = `${STATE_DIRECTORY}/clock`;
/** A saved time further ahead of the build time than this is a broken file, not a device's age. */
const LIFETIME_MS = 50 * 365 * 24 * 3600 * 1000;

/** Returns the new time if the clock was behind. */
export function raiseClock(sys: Sys, floorMs: number): Date | undefined {
  if (Date.now() >= floorMs) return undefined;
  sys.setClock(floorMs);
  return new Date(floorMs);
}

/** Unix time in ms; undefined when none was saved or it cannot be right. */
export function readSavedTime(sys: Sys, buildTimeSec: number): number | undefined {
  let text: string;
  try {
    text = readFileSync(sys.path(SAVED_TIME), 'utf8');
  } catch {
    return undefined;
  }
  const timeMs = /^\d{1,16}\n$/.test(text) ? Number(text) : 0;
  const buildTimeMs = buildTimeSec * 1000;
  return timeMs >= buildTimeMs && timeMs < buildTimeMs + LIFETIME_MS ? timeMs : undefined;
}

export function saveTime(sys: Sys): void {
  writeDurably(sys.path(SAVED_TIME), `${Date.now()}\n`, 0o644);
}
