// npm programs in the lock: the whole tree of each with its plugins, as npm laid it out when it was pinned. Trees are
// large, so those that no app asks for any more do not stay.

import { type Lock, stringifyValue } from '../../components/lock-file.ts';
import type { LockedNpmPackages, LockedNpmProgram } from '../../components/locked-npm-tree.ts';
import type { AppConfig } from '../../config/app-config.ts';
import { findTool } from '../../run-tool.ts';
import type { PinContext, PinnedApps, PinOptions } from '../app-context.ts';
import { explainBuildError } from '../explain-build-error.ts';
import { type EarlierTree, EarlierTrees } from './earlier-trees.ts';
import { isPublished, lockKeyOf, type NpmApp, type NpmSpec } from './npm-spec.ts';
import { changedTarballs, readSpecs } from './read-specs.ts';
import { resolveTree } from './resolve-tree.ts';

export async function pinNpmPrograms(
  lock: Lock,
  apps: readonly AppConfig[],
  context: PinContext,
  { update, withoutTool, takesChangedFiles = false }: PinOptions,
): Promise<PinnedApps> {
  if (withoutTool === 'skip' && (await findTool('npm', process.env)) === undefined)
    return { lock, changes: [] };
  const before = lock.npmPrograms ?? {};
  const changes: PinnedApps['changes'] = [];
  const pinned = new Map<string, LockedNpmProgram>();
  const npmApps = apps.filter(isPublished);
  const earlier = new EarlierTrees(before, npmApps.map(lockKeyOf));
  for (const app of npmApps) {
    const key = lockKeyOf(app);
    const specs = await readSpecs(app, context.instanceDirectory);
    const has = update ? undefined : before[key];
    const isOther = takesChangedFiles && has !== undefined && changedTarballs(specs, has.packages).length > 0;
    const known = pinned.get(key) ?? (isOther ? undefined : has);
    const from = earlier.of(key);
    const locked = known ?? (await pinOne(app, specs, { from, update }, context));
    pinned.set(key, locked);
    changes.push(...changesOf(app, specs, from?.tree, locked));
  }
  const npmPrograms = Object.fromEntries(pinned);
  if (stringifyValue(npmPrograms) === stringifyValue(before)) return { lock, changes };
  const { npmPrograms: _before, ...others } = lock;
  return { lock: pinned.size === 0 ? others : { ...others, npmPrograms }, changes };
}

/** Of the program and its plugins by name; what they depend on moves in silence, unless it is all that moved. */
function changesOf(
  app: NpmApp,
  specs: readonly NpmSpec[],
  before: LockedNpmProgram | undefined,
  after: LockedNpmProgram,
): PinnedApps['changes'] {
  const moved = specs.flatMap(({ name, tarball }, index) => {
    const path = `node_modules/${name}`;
    const from = before?.packages[path]?.version ?? null;
    const version = versionOf(after, name);
    const isOther =
      tarball !== undefined && before?.packages[path]?.integrity !== after.packages[path]?.integrity;
    if (from === version && !isOther) return [];
    const to = from === version ? `${version}, another file` : version;
    return [{ app: index === 0 ? app.name : `${app.name}, ${name}`, from, to }];
  });
  if (moved.length > 0 || before === undefined) return moved;
  const count = countMoved(before.packages, after.packages);
  if (count === 0) return [];
  const version = versionOf(after, specs[0]?.name ?? '');
  const packages = count === 1 ? 'a package' : `${count} packages`;
  return [{ app: app.name, from: version, to: `${version}, ${packages} below it moved` }];
}

/** What is gone was of a plugin that is gone, or of a package that moved. */
function countMoved(before: LockedNpmPackages, after: LockedNpmPackages): number {
  return Object.keys(after).filter((path) => before[path]?.integrity !== after[path]?.integrity).length;
}

function versionOf({ packages }: LockedNpmProgram, name: string): string {
  return packages[`node_modules/${name}`]?.version ?? '?';
}

interface PinFrom {
  from: EarlierTree | undefined;
  update: boolean;
}

async function pinOne(
  app: NpmApp,
  specs: readonly NpmSpec[],
  { from, update }: PinFrom,
  context: PinContext,
): Promise<LockedNpmProgram> {
  const step = context.report.start(`looking up app ${app.name} (${lockKeyOf(app)})`);
  try {
    const locked = await resolveTree(app, specs, update ? undefined : from, context);
    const name = specs[0]?.name ?? '';
    const [old, now] = [from && versionOf(from.tree, name), versionOf(locked, name)];
    step.done(old === undefined || old === now ? now : `${old} -> ${now}`);
    return locked;
  } catch (error) {
    throw explainBuildError(error, app.name, context);
  }
}
