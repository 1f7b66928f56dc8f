// What is below a directory, links among it and not followed. `readdir` of Node.js with `recursive` follows them: out of the
// directory, and in a circle until the system has enough.

import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Without the directories themselves, in no order. */
export async function listTree(directory: string): Promise<Dirent[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const below = entries.map(async (entry) =>
    entry.isDirectory() ? listTree(join(directory, entry.name)) : [entry],
  );
  return (await Promise.all(below)).flat();
}
