// Which instance is meant where the command line names none: the one of this directory, or else the only one in a
// directory below it, so that `tsk build` follows on `tsk new pi` without a change of the directory.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const CONFIG_NAME = 'tskrazy.json';

/** Relative to `directory`; '.' also where there is none, or more than one to choose from. */
export function findInstanceBelow(directory: string): string {
  if (isInstance(directory)) return '.';
  const names = listDirectories(directory).filter((name) => isInstance(join(directory, name)));
  return names.length === 1 ? names[0]! : '.';
}

function isInstance(path: string): boolean {
  return existsSync(join(path, CONFIG_NAME));
}

function listDirectories(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
  } catch {
    // Whoever opens the instance says what is wrong with the directory.
    return [];
  }
}
