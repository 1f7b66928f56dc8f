// A binary app: an executable that the user brings, one file for each architecture.

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Board } from '../../../shared/board/boards.ts';
import type { RootEntry } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppConfig } from '../../config/app-config.ts';
import { reachableLibraries } from '../app-binaries.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { checkProgram } from '../program-file.ts';
import { programEntry } from '../user-program.ts';

export async function buildBinaryApp(
  app: AppConfig & { binary: string },
  { instanceDirectory, board, libraries }: AppContext,
  included: readonly RootEntry[],
): Promise<AppProgram> {
  const written = expandArchitecture(app, board);
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

const ARCHITECTURES: Readonly<Record<string, (board: Board) => string>> = {
  arch: (board) => board.goArch,
  goArch: (board) => board.goArch,
  nodeArch: (board) => board.nodeArch,
};

function expandArchitecture({ name, binary }: { name: string; binary: string }, board: Board): string {
  return binary.replaceAll(/\$\{([^}]*)\}/g, (written: string, variable: string) => {
    const architecture = Object.hasOwn(ARCHITECTURES, variable) ? ARCHITECTURES[variable] : undefined;
    if (architecture) return architecture(board);
    throw new UserError(`Cannot use "${binary}" as app "${name}": "${written}" is not known`, {
      hint: 'Use ${arch} for amd64 or arm64, or ${nodeArch} for x64 or arm64.',
    });
  });
}
