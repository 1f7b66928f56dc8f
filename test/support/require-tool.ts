// Says whether a test that needs a program of the host can run: a missing one is a skip with a reason on
// a laptop and a failure where REQUIRE_TOOLS=1 (CI).

import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';

/** sbin is not on every user's PATH, but is where Debian keeps fsck.fat, sgdisk and e2fsck. */
const SEARCH_PATH = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];

export function findTool(name: string): string | undefined {
  for (const directory of SEARCH_PATH) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/** The tool's path; `undefined` after marking the test as skipped. */
export function requireTool(t: TestContext, name: string): string | undefined {
  const found = findTool(name);
  if (found === undefined) skipWithout(t, name);
  return found;
}

/** Whether a file is there that a package of the host brings; after marking the test as skipped when it is not. */
export function requireFile(t: TestContext, path: string): boolean {
  const isThere = existsSync(path);
  if (!isThere) skipWithout(t, path);
  return isThere;
}

function skipWithout(t: TestContext, name: string): void {
  if (process.env['REQUIRE_TOOLS'] === '1')
    throw new Error(`The test needs "${name}", which is not installed`);
  t.skip(`"${name}" is not installed`);
}
