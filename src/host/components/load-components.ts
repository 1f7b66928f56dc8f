// Gives a build the components of its board: from the cache, or downloaded, checked against the lock and extracted.

import { createHash } from 'node:crypto';
import type { Board } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';
import { ComponentCache } from './cache.ts';
import {
  COMPONENT_KINDS,
  type ComponentKind,
  type ComponentSources,
  isLockedFor,
  toolKind,
} from './component-kinds.ts';
import { type Component, type ComponentName, componentNamesOf, NO_OPTIONAL_PARTS } from './component.ts';
import { explainComponentError } from './component-error.ts';
import { type ComponentOverride, type ComponentOverrides, loadDirectory } from './component-override.ts';
import { createTree, openTree } from './component-tree.ts';
import { DebianSource } from './debian-source.ts';
import { type Lock, type LockedComponent, stringifyValue } from './lock-file.ts';
import type { ProgressReporter } from '../progress.ts';
import type { Environment } from '../tool-environment.ts';

export { resolveLock } from './resolve-lock.ts';

export interface LoadOptions {
  board: Board;
  lock: Lock;
  cacheDirectory: string;
  offline: boolean;
  report: ProgressReporter;
  overrides?: ComponentOverrides;
  /** Default: all that every image of the board has. */
  names?: readonly ComponentName[];
  /** Default: the process's own. */
  environment?: Environment;
}

/** All components of the board, in parallel; downloads what is missing. */
export async function loadComponents(options: LoadOptions): Promise<Map<ComponentName, Component>> {
  const cache = new ComponentCache(options.cacheDirectory);
  const { board, offline, report, environment = process.env } = options;
  const context = { board, cache, offline, report, environment };
  const sources = { ...context, debian: new DebianSource(context) };
  const results = await Promise.allSettled(
    (options.names ?? componentNamesOf(board, NO_OPTIONAL_PARTS)).map((name) => {
      const override = options.overrides?.[name];
      return override?.kind === 'directory'
        ? loadDirectory(name, override.path, board)
        : loadLocked(sources, name, options.lock, override);
    }),
  );
  const components = new Map<ComponentName, Component>();
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason;
    components.set(result.value.name, result.value);
  }
  return components;
}

/** Tools of a toolbox, as the lock has them. */
export async function loadTools(
  options: Omit<LoadOptions, 'names' | 'overrides'>,
  names: readonly string[],
): Promise<Component[]> {
  const { board, lock, offline, report, environment = process.env } = options;
  const cache = new ComponentCache(options.cacheDirectory);
  const context = { board, cache, offline, report, environment };
  const sources = { ...context, debian: new DebianSource(context) };
  return Promise.all(
    names.map((name) => {
      const locked = lock.tools?.[board.id]?.[name];
      if (locked === undefined) throw new Error(`Cannot load the tool "${name}": the lock does not have it`);
      return loadComponent(sources, 'toolbox', locked, toolKind(name));
    }),
  );
}

async function loadLocked(
  sources: ComponentSources,
  name: ComponentName,
  lock: Lock,
  override: ComponentOverride | undefined,
): Promise<Component> {
  const locked = lock.boards[sources.board.id]?.[name];
  if (!locked || !isLockedFor(sources, name, locked, override)) {
    throw new UserError(
      `Cannot load component ${name}: tskrazy.lock.json has no entry for it and board ${sources.board.id}`,
      { hint: 'Run "tsk get"' },
    );
  }
  try {
    return await loadComponent(sources, name, locked);
  } catch (error) {
    throw explainComponentError(name, sources.cache.directory, error);
  }
}

async function loadComponent(
  sources: ComponentSources,
  name: ComponentName,
  locked: LockedComponent,
  kind: Pick<ComponentKind, 'recipe' | 'write'> = COMPONENT_KINDS[name],
): Promise<Component> {
  const { cache, report } = sources;
  const key = createHash('sha256')
    .update(stringifyValue({ board: sources.board.id, recipe: kind.recipe, locked }))
    .digest('hex')
    .slice(0, 32);
  const path = cache.treePath(name, key);
  const onDamage = (what: string) => report.start(`${name}: ${what} in the cache, restoring`).done();
  const present = await openTree(path, onDamage);
  if (present) return present;
  const lockName = `tree-${name}-${key}`;
  let waiting: ReturnType<ProgressReporter['start']> | undefined;
  const onWait = () => (waiting = report.start(`${name}: waiting for another tsk that loads it`));
  return cache.withLock(
    lockName,
    async () => {
      waiting?.done();
      // Another process may have made it while this one waited.
      const made = await openTree(path, () => {});
      if (made) return made;
      return cache.withTemporary(lockName, (temporary) =>
        createTree(path, temporary, { name, version: locked.version }, (writer) =>
          kind.write(sources, locked, writer, temporary),
        ),
      );
    },
    onWait,
  );
}
