// A binary app: an executable that the user brings, one file for each architecture.

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RootEntry } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppConfig } from '../../config/app-config.ts';
import { reachableLibraries } from '../app-binaries.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { expandArchitecture } from '../expand-architecture.ts';
import { checkProgram } from '../program-file.ts';
import { programEntry } from '../user-program.ts';

export async function buildBinaryApp(
  app: AppConfig & { binary: string },
  { instanceDirectory, board, libraries }: AppContext,
  included: readonly RootEntry[],
): Promise<AppProgram> {
  const written = expandArchitecture(app.binary, board, `Cannot use "${app.binary}" as app "${app.name}"`);
  const path = resolve(instanceDirectory, written);
  const act = `Cannot use "${written}" as app "${app.name}"`;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    throw new UserError(`${act}: ${stats ? 'it is not a regular file' : `there is no file "${path}"`}`, {
      hint: `Set apps.${app.name}.binary in tskrazy.json to an executable for board "${board.id}" (${board.goArch}).`,
    });
  }
  await checkProgram(path, { act, board, libraries: reachableLibraries(app, libraries, included) });
  return {
    kind: 'binary',
    argv: [`/user/${app.name}`],
    env: {},
    entries: [programEntry(app.name, path, stats.size)],
    inputs: [path],
  };
}
