// Installs an app's npm packages for the board into the cache. One directory per lock file and architecture, which
// appears by a rename when it is complete and never changes afterwards.

import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { ComponentCache } from '../../components/cache.ts';
import type { LockedNpmPackages } from '../../components/locked-npm-tree.ts';
import type { AppConfig, NpmOverrides } from '../../config/app-config.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import type { AppContext } from '../app-context.ts';
import { UserError } from '../../user-error.ts';
import { cacheKeyOf } from '../cache-key.ts';
import type { NpmPackage } from './npm-package.ts';
import { readPackageJson } from './package-json.ts';
import type { NpmLock, NpmProject } from './npm-project.ts';
import { installForBoard, type NpmInstall } from './npm-tool.ts';
import { applyPatches, patchesOf, patchForPackages } from './patches.ts';
import { npmLockOf, rootPackage } from './pinned-tree.ts';

export interface StagedPackages {
  /** Stands for the directory that has the lock file. */
  rootDirectory: string;
  /** Stands for the directory of the app's package.json; packages are searched from here upwards. */
  directory: string;
  /** The directory that `rootDirectory` is a copy of; undefined when it is made up. */
  copyOf: string | undefined;
}

/** Counts up when this file changes what it installs. */
const FORMAT = 2;

/** All packages that the lock file names, development ones left out. */
export async function stageLocked(
  app: AppConfig,
  project: NpmProject,
  lock: NpmLock,
  context: AppContext,
): Promise<StagedPackages> {
  const files = filesToCopy(lock);
  const contents = files.map((path) => [path, readFileSync(join(lock.directory, path)).toString('base64')]);
  // A linked directory outside of the project is named with "..": there must be room above.
  const ups = Math.max(0, ...files.map((path) => path.split('/').filter((part) => part === '..').length));
  const rootDirectory = await stage(context, {
    app,
    command: 'ci',
    key: [lock.text, contents, settingsIn(lock.directory)],
    patchesFrom: lock.directory,
    root: posix.join(...Array.from({ length: ups }, (_, index) => `up${index}`), 'root'),
    ...(lock.isOfNpm6 && { explain: (output: string) => explainNpm6(app.name, lock, output) }),
    fill: async (root) => {
      linkSettings(lock.directory, root);
      for (const path of files) {
        const target = join(root, path);
        await makeDirectory(dirname(target));
        copyFileSync(join(lock.directory, path), target);
      }
      writeFileSync(join(root, 'package-lock.json'), lock.text);
    },
  });
  const directory = join(rootDirectory, relative(lock.directory, project.directory));
  return { rootDirectory, directory, copyOf: lock.directory };
}

/** npm takes such a lock, as long as the registry tells it the rest and nothing is a directory. */
function explainNpm6(appName: string, { path, directory }: NpmLock, output: string): UserError {
  return new UserError(
    `Cannot install the packages of app "${appName}": "${path}" is of version 1, which does not say all that npm needs:\n  ${output}`,
    {
      topic: 'npm-packages',
      hint: `Run "npm install --package-lock-only" with npm 7 or newer in ${directory}: it writes the versions that are there in a newer form.`,
    },
  );
}

/** These packages in the versions that are installed here, for projects that have no lock file of npm's. */
export async function stageInstalled(
  app: AppConfig,
  packages: readonly NpmPackage[],
  project: NpmProject | undefined,
  context: AppContext,
): Promise<StagedPackages> {
  for (const each of packages) requirePublished(app, each);
  const dependencies = Object.fromEntries(
    packages
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, realName, version }) => [
        name,
        name === realName ? version : `npm:${realName}@${version}`,
      ]),
  );
  const text = JSON.stringify(rootPackage(dependencies));
  // The file names the registries that the packages come from.
  const settings = project && settingsIn(project.directory);
  const rootDirectory = await stage(context, {
    app,
    command: 'install',
    key: [text, ...(settings === undefined ? [] : [settings])],
    root: 'root',
    ...(project && { patchesFrom: project.directory }),
    fill: (root) => {
      writeFileSync(join(root, 'package.json'), text);
      if (project) linkSettings(project.directory, root);
    },
  });
  return { rootDirectory, directory: rootDirectory, copyOf: undefined };
}

/** semver.org; and what npm takes for a name. */
const VERSION = /^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;
const NAME = /^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/;

/** What is installed says of itself what npm is asked for: `file:/home/me/x` would bring that directory. */
function requirePublished(app: AppConfig, { name, realName, version, directory }: NpmPackage): void {
  if (VERSION.test(version) && NAME.test(realName)) return;
  throw new UserError(
    `Cannot install the packages of app "${app.name}": package "${name}" calls itself "${realName}" of version "${version}", as no published one may`,
    {
      topic: 'npm-packages',
      hint: `Look at "${join(directory, 'package.json')}". A package of your own is bundled, or comes with a package-lock.json.`,
    },
  );
}

export interface PinnedTree {
  /** The packages that were asked for; a file of one's own is `path`, and for npm `place`. */
  asked: readonly { name: string; tarball?: { path: string; place: string } }[];
  overrides: NpmOverrides | undefined;
  packages: LockedNpmPackages;
}

/** A tree that tskrazy.lock.json pins. `settingsDirectory` may have an `.npmrc`. */
export async function stagePinned(
  app: AppConfig,
  { asked, overrides, packages }: PinnedTree,
  settingsDirectory: string,
  context: AppContext,
): Promise<string> {
  const dependencies = Object.fromEntries(
    asked.map(({ name, tarball }) => [
      name,
      tarball ? `file:${tarball.place}` : (packages[`node_modules/${name}`]?.version ?? '*'),
    ]),
  );
  const json = rootPackage(dependencies, overrides);
  const lock = npmLockOf(json, packages);
  return stage(context, {
    app,
    command: 'ci',
    // Where the packages come from is not asked: the lock has their hashes.
    key: [lock],
    root: 'root',
    explain: (output) => explainPinned(app.name, output),
    fill: async (root) => {
      writeFileSync(join(root, 'package.json'), JSON.stringify(json));
      writeFileSync(join(root, 'package-lock.json'), lock);
      await copyTarballs(asked, root);
      linkSettings(settingsDirectory, root);
    },
  });
}

/** To where npm finds them in `directory`. */
export async function copyTarballs(asked: PinnedTree['asked'], directory: string): Promise<void> {
  for (const { tarball } of asked) {
    if (tarball === undefined) continue;
    const target = join(directory, tarball.place);
    await makeDirectory(dirname(target));
    copyFileSync(tarball.path, target);
  }
}

/** The registry is another one than when the tree was pinned, or has been changed since. */
function explainPinned(appName: string, output: string): UserError | undefined {
  const [, code] = /^code (EINTEGRITY|ETARGET|E404)$/m.exec(output) ?? [];
  if (code === undefined) return undefined;
  const what =
    code === 'EINTEGRITY'
      ? 'a package is not the one that tskrazy.lock.json pins'
      : 'the registry does not have a package that tskrazy.lock.json pins';
  return new UserError(`Cannot install the packages of app "${appName}": ${what}:\n  ${output}`, {
    topic: 'npm-packages',
    hint: 'Check "registry" in .npmrc. If the package may have changed, "tsk get -u" pins what is there now.',
  });
}

interface StageRequest {
  app: AppConfig;
  command: NpmInstall['command'];
  /** All that makes what is installed, but for the board and for what is said of scripts. */
  key: unknown[];
  /** Directory of the project that may have patches for its packages. */
  patchesFrom?: string;
  /** Directory below the staging directory in which npm runs. */
  root: string;
  /** Puts into it what npm reads. */
  fill: (rootDirectory: string) => void | Promise<void>;
  explain?: NpmInstall['explain'];
}

/** The root of the staging directory; npm runs only when it does not exist yet. */
async function stage(
  context: AppContext,
  { app, command, key: parts, patchesFrom, root, fill, explain }: StageRequest,
): Promise<string> {
  const { board, cacheDirectory, offline, report } = context;
  const appName = app.name;
  const patches = patchesFrom === undefined ? [] : patchesOf(patchesFrom, 'project');
  const ignored = app.dependencies?.ignoreInstallScripts ?? [];
  const key = cacheKeyOf([FORMAT, [board.nodeArch, parts, patches, ignored.toSorted()]]);
  const cache = new ComponentCache(cacheDirectory);
  const final = join(cacheDirectory, 'npm', key);
  if (existsSync(final)) {
    // Left there by earlier versions.
    removeSettings(join(final, root));
    return join(final, root);
  }
  await cache.stateDirectory('npm');
  await cache.withLock(`npm-${key}`, async () => {
    if (existsSync(final)) return;
    const step = report.start(`installing the npm packages of app ${appName} for ${board.id}`);
    await cache.withTemporary(`npm-${key}`, async (temporary) => {
      const incoming = join(temporary, 'stage');
      const directory = join(incoming, root);
      await makeDirectory(directory);
      await fill(directory);
      // If it fails the whole directory goes.
      await installForBoard({ appName, board, offline, command, directory, ...(explain && { explain }) });
      removeSettings(directory);
      await applyPatches({ appName, owner: undefined, patches, directory, rootDirectory: directory });
      await patchForPackages(appName, directory, new Set(ignored));
      renameSync(incoming, final);
    });
    step.done();
  });
  return join(final, root);
}

/** undefined: there are none. */
function settingsIn(directory: string): string | undefined {
  const path = join(directory, '.npmrc');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Has npm find the settings of `from` in `directory`. A token in them is in no copy that stays when all is killed. */
export function linkSettings(from: string, directory: string): void {
  const settings = join(from, '.npmrc');
  if (existsSync(settings)) symlinkSync(resolve(settings), join(directory, '.npmrc'));
}

/** What is in the cache stays and may be shared, and settings of somebody else may lie there by then. */
function removeSettings(directory: string): void {
  rmSync(join(directory, '.npmrc'), { force: true });
}

/** What npm reads besides the lock file and its settings: each package.json of the project, local tarballs. */
function filesToCopy({ directory, packages }: NpmLock): string[] {
  const manifests = Object.keys(packages)
    .filter((path) => !/(?:^|\/)node_modules\//.test(path))
    .map((path) => posix.join(path, 'package.json'));
  const locked = Object.values(packages).flatMap(({ link, resolved }) =>
    link === true ? [] : [resolved ?? ''],
  );
  const tarballs = [...locked, ...wantedSources(directory)]
    .filter((source) => /^file:.*\.(?:tgz|tar|tar\.gz)$/.test(source))
    .map((source) => source.slice('file:'.length));
  return [...new Set(['package.json', ...manifests, ...tarballs])].filter((path) =>
    existsSync(join(directory, path)),
  );
}

/** Sources as package.json says; npm compares them with the lock file. */
function wantedSources(directory: string): string[] {
  const { dependencies } = readPackageJson<{ dependencies: Record<string, string> }>(
    join(directory, 'package.json'),
  );
  return Object.values(dependencies ?? {});
}
