// The tree of an npm program and its plugins as npm lays it out now, by the user's npm in a directory of its own. Of an
// earlier tree all stays that may: a plugin more is no reason to move the program.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ComponentCache } from '../../components/cache.ts';
import { isPinned, type LockedNpmPackages, type LockedNpmProgram } from '../../components/locked-npm-tree.ts';
import { compareVersions } from '../../components/semver.ts';
import { UserError } from '../../user-error.ts';
import type { PinContext } from '../app-context.ts';
import { cacheKeyOf } from '../cache-key.ts';
import { copyTarballs, linkSettings } from '../packages/npm-stage.ts';
import { installForBoard, versionsOf } from '../packages/npm-tool.ts';
import { readPackageJson } from '../packages/package-json.ts';
import { npmLockOf, rootPackage } from '../packages/pinned-tree.ts';
import type { EarlierTree } from './earlier-trees.ts';
import { explainNpm } from './explain-npm.ts';
import { lockKeyNames, lockKeyOf, type NpmApp, type NpmSpec } from './npm-spec.ts';

interface Place {
  appName: string;
  offline: boolean;
  directory: string;
}

/** What of the earlier tree npm is to begin with. */
interface Attempt {
  /** The versions of program and plugins. */
  versions?: EarlierTree;
  /** All packages. */
  packages?: LockedNpmPackages;
}

export async function resolveTree(
  app: NpmApp,
  specs: readonly NpmSpec[],
  from: EarlierTree | undefined,
  context: PinContext,
): Promise<LockedNpmProgram> {
  const cache = new ComponentCache(context.cacheDirectory);
  const lockName = `npm-get-${cacheKeyOf([lockKeyOf(app)])}`;
  return cache.withLock(lockName, () =>
    cache.withTemporary(lockName, async (directory) => {
      // They name the registries that packages come from.
      linkSettings(context.instanceDirectory, directory);
      const place = { appName: app.name, offline: context.offline, directory };
      await copyTarballs(specs, directory);
      const packages = await resolveFrom(attemptsFrom(from, specs), { app, specs }, place, context);
      return { packages: pinnedPackages(app, packages) };
    }),
  );
}

/** What stays may be what a new plugin does not go with: then a little more moves, and at last all. */
function attemptsFrom(from: EarlierTree | undefined, specs: readonly NpmSpec[]): [Attempt, ...Attempt[]] {
  if (from === undefined) return [{}];
  // The files are there to be read anew, and may be others.
  const files = new Set(specs.flatMap(({ name, tarball }) => (tarball ? [`node_modules/${name}`] : [])));
  const packages = Object.fromEntries(
    Object.entries(from.tree.packages).filter(([path]) => !files.has(path)),
  );
  return [{ versions: from, packages }, { packages }, {}];
}

async function resolveFrom(
  [attempt, ...others]: [Attempt, ...Attempt[]],
  { app, specs }: { app: NpmApp; specs: readonly NpmSpec[] },
  place: Place,
  context: PinContext,
): Promise<LockedNpmPackages> {
  const dependencies = await Promise.all(
    specs.map(async (spec) => [spec.name, await versionFor(spec, attempt.versions, place)] as const),
  );
  const json = rootPackage(Object.fromEntries(dependencies), app.overrides);
  const lockPath = join(place.directory, 'package-lock.json');
  writeFileSync(join(place.directory, 'package.json'), JSON.stringify(json));
  rmSync(lockPath, { force: true });
  if (attempt.packages) writeFileSync(lockPath, npmLockOf(json, attempt.packages));
  let isConflict = false;
  const explain = (output: string): UserError | undefined => {
    isConflict = /^code ERESOLVE$/m.test(output);
    return explainNpm(app, specs, output);
  };
  try {
    await installForBoard({ ...place, board: context.board, command: 'lock', explain });
  } catch (error) {
    const [next, ...rest] = others;
    if (!isConflict || next === undefined) throw error;
    return resolveFrom([next, ...rest], { app, specs }, place, context);
  }
  return readPackageJson<{ packages: LockedNpmPackages }>(lockPath).packages ?? {};
}

/** The one that is pinned where it is still what is asked for, else the newest. */
async function versionFor(spec: NpmSpec, earlier: EarlierTree | undefined, place: Place): Promise<string> {
  const { name, range, tarball } = spec;
  if (tarball) return `file:${tarball.place}`;
  const pinned = earlier?.tree.packages[`node_modules/${name}`]?.version;
  if (isTagOrVersion(range))
    return pinned !== undefined && earlier && lockKeyNames(earlier.key, spec) ? pinned : range;
  const versions = await versionsOf(`${name}@${range}`, place);
  if (pinned !== undefined && versions.includes(pinned)) return pinned;
  // Or what was asked for, where that is for npm to explain.
  return versions.toSorted(compareVersions).at(-1) ?? range;
}

function isTagOrVersion(range: string): boolean {
  return /^(?:[a-z][\w.-]*|\d+\.\d+\.\d+[\w.+-]*)$/i.test(range);
}

/** Facts about packages that say nothing of which files they are, or of what they need. */
const LEFT_OUT = ['bin', 'deprecated', 'engines', 'funding', 'license'];

function pinnedPackages(app: NpmApp, packages: LockedNpmPackages): LockedNpmPackages {
  const pinned: LockedNpmPackages = {};
  for (const [path, found] of Object.entries(packages)) {
    if (path === '') continue;
    const entry = Object.fromEntries(Object.entries(found).filter(([key]) => !LEFT_OUT.includes(key)));
    if (!isPinned(path, entry)) {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      throw new UserError(
        `Cannot pin app "${app.name}": its package "${name}" comes from "${found.resolved ?? 'nowhere'}", for which npm states no hash`,
        { hint: 'Use a version whose packages are all published in a registry.' },
      );
    }
    pinned[path] = entry;
  }
  return pinned;
}
