// What is noted in /perm of a trial that was armed: by which way, and what the ways want to know at the next start.
// Nothing of it decides what starts: a lost note only costs knowledge about the firmware.

import { readFileSync } from 'node:fs';
import { writeDurably } from '../durable-file.ts';
import { STATE_DIRECTORY } from '../state-directory.ts';
import type { Sys } from '../sys/sys.ts';
import type { WayNotes } from './trial-way.ts';

const FILE = `${STATE_DIRECTORY}/boot-switch.json`;

export interface TrialNotes {
  /** Name of a way; undefined: no trial was armed since the last start. */
  armed: string | undefined;
  ofWays: WayNotes;
}

/** No file, or a broken one, means that there is nothing to know. */
export function readTrialNotes(sys: Pick<Sys, 'path'>): TrialNotes {
  let file: unknown;
  try {
    file = JSON.parse(readFileSync(sys.path(FILE), 'utf8'));
  } catch {
    file = null;
  }
  const { armed, ...ofWays } = (typeof file === 'object' && file !== null ? file : {}) as WayNotes;
  return { armed: typeof armed === 'string' ? armed : undefined, ofWays };
}

export function writeTrialNotes(sys: Pick<Sys, 'path'>, { armed, ofWays }: TrialNotes): void {
  writeDurably(sys.path(FILE), JSON.stringify({ armed, ...ofWays }), 0o600);
}
