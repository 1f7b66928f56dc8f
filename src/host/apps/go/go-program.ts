// Go programs by import path. What their version means is found out once and pinned by the lock; each pinned one has
// a module of its own in the cache, in which it is built.

import { readFile, rename } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { ComponentCache } from '../../components/cache.ts';
import type { LockedGoProgram } from '../../components/lock-file.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import { pathExists } from '../../files/path-exists.ts';
import { UserError } from '../../user-error.ts';
import { cacheKeyOf } from '../cache-key.ts';
import { goError, type GoTool } from './go-tool.ts';

interface GoApp {
  name: string;
  go: string;
}

/** A workspace file somewhere above the cache has nothing to do with the modules in it. */
export const MODULE_VARIABLES = { GOWORK: 'off' };

export function isLocalGo(source: string): boolean {
  return /^\.{1,2}(?:\/|$)/.test(source) || isAbsolute(source);
}

/** `example.org/cmd/x@latest` in its two parts. */
export function parseGoProgram(app: GoApp): { path: string; version: string } {
  const [path = '', version = ''] = app.go.split('@', 2);
  if (version !== '' && /^[\w.~-]+(?:\/[\w.~-]+)*$/.test(path)) return { path, version };
  throw new UserError(
    `Cannot build app "${app.name}": "${app.go}" is neither an import path with a version nor a local directory`,
    { hint: 'Write example.org/cmd/x@latest for a published program, or ./cmd/x for a directory.' },
  );
}

/** Asks what the version of `app.go` is now. Its module is in the cache then. */
export async function resolveGoProgram(
  app: GoApp,
  go: GoTool,
  cache: ComponentCache,
): Promise<LockedGoProgram> {
  const { path, version } = parseGoProgram(app);
  const name = `go-get-${keyOf(app.go)}`;
  return cache.withLock(name, () =>
    cache.withTemporary(name, async (temporary) => {
      const incoming = await getProgram(app, go, `${path}@${version}`, temporary);
      const query = ['list', '-f', '{{with .Module}}{{.Path}} {{.Version}}{{end}}', path];
      const result = await go.run(query, incoming, MODULE_VARIABLES);
      if (result.status !== 0) throw goError(app, 'go list', result, incoming);
      const [module = '', found = ''] = result.stdout.trim().split(' ');
      const sum = await sumOf(incoming, module, found);
      if (sum === undefined) throw new Error(`Cannot find "${module} ${found}" in go.sum of "${app.go}"`);
      const locked = { module, version: found, sum };
      await moveIn(incoming, app, locked, cache);
      return locked;
    }),
  );
}

/** The directory of the module in which the pinned program is built. */
export async function openGoProgram(
  app: GoApp,
  locked: LockedGoProgram,
  go: GoTool,
  cache: ComponentCache,
): Promise<{ key: string; directory: string }> {
  const { path } = parseGoProgram(app);
  const { key, directory } = await placeOf(app, locked, cache);
  if (!(await pathExists(directory))) {
    await cache.withTemporary(`go-module-${key}`, async (temporary) => {
      const incoming = await getProgram(app, go, `${path}@${locked.version}`, temporary);
      await requireSum(incoming, app, locked);
      await moveIn(incoming, app, locked, cache);
    });
  }
  await requireSum(directory, app, locked);
  return { key, directory };
}

async function getProgram(app: GoApp, go: GoTool, query: string, temporary: string): Promise<string> {
  const incoming = join(temporary, 'module');
  await makeDirectory(incoming);
  for (const args of [
    ['mod', 'init', 'tskrazy.invalid/app'],
    ['get', query],
  ]) {
    const result = await go.run(args, incoming, MODULE_VARIABLES);
    if (result.status !== 0) throw goError(app, `go ${args.join(' ')}`, result);
  }
  return incoming;
}

async function moveIn(
  incoming: string,
  app: GoApp,
  locked: LockedGoProgram,
  cache: ComponentCache,
): Promise<void> {
  const { key, directory } = await placeOf(app, locked, cache);
  await cache.withLock(`go-module-${key}`, async () => {
    if (!(await pathExists(directory))) await rename(incoming, directory);
  });
}

async function placeOf(
  app: GoApp,
  { version }: LockedGoProgram,
  cache: ComponentCache,
): Promise<{ key: string; directory: string }> {
  const key = keyOf(`${parseGoProgram(app).path}@${version}`);
  return { key, directory: join(await cache.stateDirectory('go', 'modules'), key) };
}

async function requireSum(directory: string, app: GoApp, locked: LockedGoProgram): Promise<void> {
  const { module, version, sum } = locked;
  const got = await sumOf(directory, module, version);
  if (got === sum) return;
  throw new UserError(
    `Cannot build app "${app.name}": Go module "${module}@${version}" is not the one that tskrazy.lock.json pins: expected ${sum}, got ${got ?? 'none'}`,
    { hint: 'If it may have changed, "tsk get -u" pins it as it is now.' },
  );
}

/** The sum as Go has checked it, against its checksum database too. */
async function sumOf(directory: string, module: string, version: string): Promise<string | undefined> {
  const text = await readFile(join(directory, 'go.sum'), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  const start = `${module} ${version} `;
  return text
    .split('\n')
    .find((line) => line.startsWith(start))
    ?.slice(start.length);
}

function keyOf(program: string): string {
  return cacheKeyOf(['module', program]);
}
