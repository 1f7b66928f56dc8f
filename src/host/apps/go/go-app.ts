// A Go app: built with the installed Go for the board, as gokrazy builds its programs (gokrazy-spec.md 4 item 2),
// but without the machine's paths in the result. There is no own check whether anything changed: `go build`
// finds out in 0.07 s, `go list -deps` takes 0.14 s (Go 1.26, 185 packages).

import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ComponentCache } from '../../components/cache.ts';
import { UserError } from '../../user-error.ts';
import type { AppConfig } from '../../config/app-config.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { cacheKeyOf } from '../cache-key.ts';
import { moduleFiles } from './go-inputs.ts';
import {
  isLocalGo,
  MODULE_VARIABLES,
  openGoProgram,
  parseGoProgram,
  resolveGoProgram,
} from './go-program.ts';
import { goError, type GoTool, requireGo } from './go-tool.ts';
import { checkProgram } from '../program-file.ts';
import { programEntry } from '../user-program.ts';

type GoApp = AppConfig & { go: string };

const BUILD_FLAGS = [
  '-trimpath',
  '-buildvcs=false',
  '-tags=gokrazy,netgo,osusergo',
  // The symbol table and DWARF are left out: a third smaller. Stack traces come from other tables and stay whole.
  '-ldflags=-s -w',
];

interface GoSource {
  /** Names the source in the cache. */
  key: string;
  /** Directory in which `go build` runs. */
  directory: string;
  package: string;
  variables: Readonly<Record<string, string>>;
  inputs: string[];
}

export async function buildGoApp(app: GoApp, context: AppContext): Promise<AppProgram> {
  const { board, cacheDirectory } = context;
  const go = await requireGo(app.name, context);
  const cache = new ComponentCache(cacheDirectory);
  const step = context.report.start(`building app ${app.name} (${app.go})`);
  const source = isLocalGo(app.go)
    ? await localSource(app, context)
    : await moduleSource(app, go, cache, context);
  const output = join(await cache.stateDirectory('go', 'programs', source.key), board.goArch);
  await cache.withLock(`go-build-${source.key}-${board.goArch}`, async () => {
    const args = ['build', ...BUILD_FLAGS, '-o', output, source.package];
    await removeDamaged(output);
    const result = await go.run(args, source.directory, source.variables);
    if (result.status !== 0) throw goError(app, 'go build', result, source.directory);
    await writeFile(stampPath(output), await stampOf(output));
  });
  step.done();

  const act = `Cannot use "${app.go}" as app "${app.name}"`;
  await checkProgram(output, {
    act,
    board,
    libraries: new Set(),
    notProgramHint: 'Name the directory or import path of a "package main".',
  });
  return {
    kind: 'go',
    argv: [`/user/${app.name}`],
    env: {},
    entries: [programEntry(app.name, output, (await stat(output)).size)],
    inputs: source.inputs,
    warnings: ignoredFlagsWarning(app, go),
  };
}

/** Who builds on another computer has other ones. */
function ignoredFlagsWarning({ name }: GoApp, { ignoredFlags }: GoTool): string[] {
  if (ignoredFlags.length === 0) return [];
  return [`app "${name}" is built without what GOFLAGS of this computer says: ${ignoredFlags.join(' ')}`];
}

/**
 * `go build` takes an output that is there for whole when its first bytes say what it was built from. Half a file,
 * as Ctrl-C or a power cut leaves it while Go copies it from a temporary directory on another disk, says the same.
 */
async function removeDamaged(output: string): Promise<void> {
  const stamps = await Promise.all([stampOf(output), readFile(stampPath(output), 'utf8')]).catch(() => []);
  if (stamps.length === 0 || stamps[0] !== stamps[1]) await rm(output, { force: true });
}

const stampPath = (output: string) => `${output}.stamp`;

async function stampOf(path: string): Promise<string> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return `${size} ${mtimeNs} ${ino}`;
}

async function localSource(app: GoApp, { instanceDirectory }: AppContext): Promise<GoSource> {
  const directory = resolve(instanceDirectory, app.go);
  const stats = await stat(directory).catch(() => undefined);
  if (!stats?.isDirectory()) {
    const problem = stats ? 'is a file, not the directory of a package' : 'does not exist';
    throw new UserError(`Cannot build app "${app.name}": "${directory}" ${problem}`, {
      hint: `Set apps.${app.name}.go in tskrazy.json to the directory of a Go program.`,
    });
  }
  return {
    key: cacheKeyOf(['local', directory]),
    directory,
    package: '.',
    variables: {},
    inputs: await moduleFiles(directory),
  };
}

async function moduleSource(
  app: GoApp,
  go: GoTool,
  cache: ComponentCache,
  { lock }: AppContext,
): Promise<GoSource> {
  const locked = lock.goPrograms?.[app.go] ?? (await resolveGoProgram(app, go, cache));
  const { key, directory } = await openGoProgram(app, locked, go, cache);
  return { key, directory, package: parseGoProgram(app).path, variables: MODULE_VARIABLES, inputs: [] };
}
