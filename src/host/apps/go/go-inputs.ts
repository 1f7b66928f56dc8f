// The files of a Go module that a program may be built from, for watching. An over-estimate on purpose: which of
// them it is exactly only `go list -deps` knows, at twice the time of an unchanged build.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ancestors } from '../../files/ancestors.ts';

const SKIPPED_DIRECTORIES = /^(?:[._].*|node_modules|testdata)$/;

/** All files of the module that `packageDirectory` belongs to, without tests; go:embed takes files of any name. */
export async function moduleFiles(packageDirectory: string): Promise<string[]> {
  const root = (await findModuleRoot(packageDirectory)) ?? packageDirectory;
  return listFiles(root);
}

async function findModuleRoot(directory: string): Promise<string | undefined> {
  for (const candidate of ancestors(directory)) {
    const found = await stat(join(candidate, 'go.mod')).catch(() => undefined);
    if (found?.isFile()) return candidate;
  }
  return undefined;
}

async function listFiles(directory: string): Promise<string[]> {
  const files: string[] = [];
  // A directory that may not be read, such as a database's, or is gone by now: `go build` says so if it needs it.
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isFile() && !entry.name.endsWith('_test.go')) files.push(path);
    if (entry.isDirectory() && !SKIPPED_DIRECTORIES.test(entry.name)) files.push(...(await listFiles(path)));
  }
  return files;
}
