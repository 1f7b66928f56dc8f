// Installs an app's npm packages for the board into the cache. One directory per lock file and architecture, which
// appears by a rename when it is complete and never changes afterwards.

import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { ComponentCache } from '../../components/cache.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import type { AppContext } from '../app-context.ts';
import { cacheKeyOf } from '../cache-key.ts';
import type { NpmPackage } from './npm-package.ts';
import { readPackageJson } from './package-json.ts';
import type { NpmLock, NpmProject } from './npm-project.ts';
import { installForBoard, type NpmInstall } from './npm-tool.ts';

export interface StagedPackages {
  /** Stands for the directory that has the lock file. */
  rootDirectory: string;
  /** Stands for the directory of the app's package.json; packages are searched from here upwards. */
  directory: string;
  /** The directory that `rootDirectory` is a copy of; undefined when it is made up. */
  copyOf: string | undefined;
}

/** Counts up when this file changes what it installs. */
const FORMAT = 1;

/** All packages that the lock file names, development ones left out. */
export async function stageLocked(
  appName: string,
  project: NpmProject,
  lock: NpmLock,
  context: AppContext,
): Promise<StagedPackages> {
  const files = filesToCopy(lock);
  const contents = files.map((path) => [path, readFileSync(join(lock.directory, path)).toString('base64')]);
  // A linked directory outside of the project is named with "..": there must be room above.
  const ups = Math.max(0, ...files.map((path) => path.split('/').filter((part) => part === '..').length));
  const rootDirectory = await stage(context, {
    appName,
    command: 'ci',
    key: cacheKeyOf([FORMAT, [context.board.nodeArch, lock.text, contents]]),
    root: posix.join(...Array.from({ length: ups }, (_, index) => `up${index}`), 'root'),
    fill: async (root) => {
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

/** These packages in the versions that are installed here, for projects that have no lock file of npm's. */
export async function stageInstalled(
  appName: string,
  packages: readonly NpmPackage[],
  project: NpmProject | undefined,
  context: AppContext,
): Promise<StagedPackages> {
  const dependencies = Object.fromEntries(
    packages
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, realName, version }) => [
        name,
        name === realName ? version : `npm:${realName}@${version}`,
      ]),
  );
  const text = JSON.stringify({ name: 'app', version: '1.0.0', private: true, dependencies });
  // The file names the registries that the packages come from.
  const settingsPath = join(project?.directory ?? '', '.npmrc');
  const settings = project && existsSync(settingsPath) ? readFileSync(settingsPath, 'utf8') : undefined;
  const rootDirectory = await stage(context, {
    appName,
    command: 'install',
    key: cacheKeyOf([FORMAT, [context.board.nodeArch, text, ...(settings === undefined ? [] : [settings])]]),
    root: 'root',
    fill: (root) => {
      writeFileSync(join(root, 'package.json'), text);
      // The copy keeps the permissions of the file: it may hold a token.
      if (settings !== undefined) copyFileSync(settingsPath, join(root, '.npmrc'));
    },
  });
  return { rootDirectory, directory: rootDirectory, copyOf: undefined };
}

interface StageRequest {
  appName: string;
  command: NpmInstall['command'];
  key: string;
  /** Directory below the staging directory in which npm runs. */
  root: string;
  /** Puts into it what npm reads. */
  fill: (rootDirectory: string) => void | Promise<void>;
}

/** The root of the staging directory; npm runs only when it does not exist yet. */
async function stage(
  context: AppContext,
  { appName, command, key, root, fill }: StageRequest,
): Promise<string> {
  const { board, cacheDirectory, offline, report } = context;
  const cache = new ComponentCache(cacheDirectory);
  const final = join(cacheDirectory, 'npm', key);
  if (existsSync(final)) return join(final, root);
  await cache.stateDirectory('npm');
  await cache.withLock(`npm-${key}`, async () => {
    if (existsSync(final)) return;
    const step = report.start(`installing the npm packages of app ${appName} for ${board.id}`);
    await cache.withTemporary(`npm-${key}`, async (temporary) => {
      const incoming = join(temporary, 'stage');
      const directory = join(incoming, root);
      await makeDirectory(directory);
      await fill(directory);
      await installForBoard({ appName, board, offline, command, directory });
      renameSync(incoming, final);
    });
    step.done();
  });
  return join(final, root);
}

/** What npm reads besides the lock file: each package.json of the project, local tarballs, its settings. */
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
  return [...new Set(['package.json', '.npmrc', ...manifests, ...tarballs])].filter((path) =>
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
