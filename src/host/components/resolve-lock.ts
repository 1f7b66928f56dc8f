// Finds out which versions of the components to use: what `tsk get` and `tsk get -u` write to the lock.

import type { Board } from '../../shared/board/boards.ts';
import { ComponentCache } from './cache.ts';
import { COMPONENT_KINDS, type ComponentSources, isLockedFor, packageOf } from './component-kinds.ts';
import { type ComponentName, componentNamesOf, NO_OPTIONAL_PARTS } from './component.ts';
import type { ComponentOverride, ComponentOverrides } from './component-override.ts';
import { explainComponentError } from './component-error.ts';
import { DebianSource } from './debian-source.ts';
import {
  type Lock,
  type LockedBoard,
  type LockedComponent,
  type LockedDebian,
  stringifyValue,
} from './lock-file.ts';
import { toolSelection } from './toolbox.ts';
import type { ProgressReporter } from '../progress.ts';
import type { Environment } from '../tool-environment.ts';

export interface ResolveOptions {
  board: Board;
  previous?: Lock;
  /** Move every component to its newest version; else only what the lock lacks is looked up. */
  update: boolean;
  cacheDirectory: string;
  report: ProgressReporter;
  overrides?: ComponentOverrides;
  /** Default: all that every image of the board has. */
  names?: readonly ComponentName[];
  /** Default: the process's own. */
  environment?: Environment;
  /** Default: now. */
  nowSec?: number;
}

/** Pins tools that the lock does not have yet for the board; with `update`, those that it has, too. */
export async function resolveTools(
  options: Omit<ResolveOptions, 'overrides' | 'names'> & { previous: Lock; tools: readonly string[] },
): Promise<Lock> {
  const { board, previous, update, report, environment = process.env } = options;
  const context = {
    board,
    cache: new ComponentCache(options.cacheDirectory),
    offline: false,
    report,
    environment,
  };
  const debian = new DebianSource(context, { newest: update });
  const known = previous.tools?.[board.id] ?? {};
  const wanted = update
    ? [...new Set([...Object.keys(known), ...options.tools])]
    : options.tools.filter((name) => !(name in known));
  if (wanted.length === 0) return previous;
  const found: Record<string, LockedDebian> = {};
  for (const name of wanted) found[name] = await debian.resolve('toolbox', toolSelection(name));
  return { ...previous, tools: { ...previous.tools, [board.id]: { ...known, ...found } } };
}

export interface LockChange {
  component: ComponentName;
  from: string | null;
  to: string;
}

/** A lock with an entry for every component that is wanted; `previous` itself when nothing changed. */
export async function resolveLock(options: ResolveOptions): Promise<{ lock: Lock; changes: LockChange[] }> {
  const { board, previous, update, report, environment = process.env } = options;
  const cache = new ComponentCache(options.cacheDirectory);
  const context = { board, cache, offline: false, report, environment };
  const sources = { ...context, debian: new DebianSource(context, { newest: update }) };
  const before = previous?.boards[board.id] ?? {};
  const results = await Promise.allSettled(
    (options.names ?? componentNamesOf(board, NO_OPTIONAL_PARTS)).map(async (name) => {
      const override = options.overrides?.[name];
      const entry = before[name];
      // Nothing pins a local directory; an entry that there is stays, for when the override goes.
      const isSettled =
        override?.kind === 'directory' ||
        (entry !== undefined && !update && isLockedFor(sources, name, entry, override));
      return { name, locked: isSettled ? entry : await resolveOne(sources, name, update, override) };
    }),
  );
  // What is not wanted now stays as it was, for when it is wanted again.
  const after: LockedBoard = { ...before };
  const changes: LockChange[] = [];
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason;
    const { name, locked } = result.value;
    if (!locked) continue;
    after[name] = locked;
    const change = describeChange(name, before[name], locked);
    if (change) changes.push(change);
  }
  if (previous && changes.length === 0) return { lock: previous, changes };
  const createdAtSec = options.nowSec ?? Math.floor(Date.now() / 1000);
  return {
    lock: { ...previous, formatVersion: 1, createdAtSec, boards: { ...previous?.boards, [board.id]: after } },
    changes,
  };
}

function describeChange(
  component: ComponentName,
  before: LockedComponent | undefined,
  after: LockedComponent,
): LockChange | undefined {
  if (!before) return { component, from: null, to: after.version };
  if (stringifyValue(before) === stringifyValue(after)) return undefined;
  if (before.version !== after.version) return { component, from: before.version, to: after.version };
  // The package that names the component stayed, others of it moved.
  return { component, from: otherVersions(before, after), to: otherVersions(after, before) };
}

function otherVersions(of: LockedComponent, compared: LockedComponent): string {
  if (of.source !== 'debian' || compared.source !== 'debian') return of.version;
  const known = new Set(compared.packages.map((each) => stringifyValue(each)));
  const moved = of.packages.filter((each) => !known.has(stringifyValue(each)));
  return moved.map((each) => `${each.name} ${each.version}`).join(', ') || of.version;
}

async function resolveOne(
  sources: ComponentSources,
  name: ComponentName,
  update: boolean,
  override: ComponentOverride | undefined,
): Promise<LockedComponent> {
  try {
    const kind = COMPONENT_KINDS[name];
    return await kind.resolve(sources, update, packageOf(sources, name, override));
  } catch (error) {
    throw explainComponentError(name, sources.cache.directory, error);
  }
}
