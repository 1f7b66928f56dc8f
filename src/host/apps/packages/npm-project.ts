// Where an app's npm packages are written down: the package.json that governs its entry point and the lock file,
// which in a workspace lies further up.

import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { readPackageJson } from './package-json.ts';

export interface NpmProject {
  /** Directory of the nearest package.json. */
  directory: string;
  /** Absent when the project was not installed by npm, or not at all. */
  lock: NpmLock | undefined;
  /** Whether there is a node_modules directory for it on this machine. */
  isInstalled: boolean;
  hasDependencies: boolean;
}

export interface NpmLock {
  /** The project's own directory, or that of the workspace that it is part of. */
  directory: string;
  path: string;
  text: string;
  /** By path relative to `directory`: packages in node_modules, workspace members and linked directories. */
  packages: Readonly<Record<string, { link?: boolean; resolved?: string }>>;
}

const LOCK_NAMES = ['npm-shrinkwrap.json', 'package-lock.json'];

/** Undefined for a program without a package.json, which uses no packages. */
export function findNpmProject(entryPath: string): NpmProject | undefined {
  const directory = ancestors(dirname(entryPath)).find((path) => isFile(join(path, 'package.json')));
  if (directory === undefined) return undefined;
  const { dependencies, optionalDependencies } = readPackageJson<{
    dependencies: object;
    optionalDependencies: object;
  }>(join(directory, 'package.json'));
  const lock = findLock(directory);
  const places = [directory, ...(lock ? [lock.directory] : [])];
  return {
    directory,
    lock,
    isInstalled: places.some(
      (path) => statSync(join(path, 'node_modules'), { throwIfNoEntry: false }) !== undefined,
    ),
    hasDependencies: Object.keys({ ...dependencies, ...optionalDependencies }).length > 0,
  };
}

/**
 * A lock file further up counts only if the project is a member of that workspace, or what some tool has built in a
 * directory of its own: `.next/standalone/package.json` is a copy of the project's.
 */
function findLock(directory: string): NpmLock | undefined {
  for (const candidate of ancestors(directory)) {
    const path = LOCK_NAMES.map((name) => join(candidate, name)).find(isFile);
    if (path === undefined) continue;
    const text = readFileSync(path, 'utf8');
    const { packages } = readPackageJson<Pick<NpmLock, 'packages'>>(path);
    const member = relative(candidate, directory).replaceAll(sep, '/');
    if (member === '' || Object.hasOwn(packages ?? {}, member) || isCopyOf(candidate, directory))
      return { directory: candidate, path, text, packages: packages ?? {} };
  }
  return undefined;
}

/** Projects of one name, one of them in a directory such as `.next`. */
function isCopyOf(project: string, directory: string): boolean {
  if (
    !relative(project, directory)
      .split(sep)
      .some((part) => part.startsWith('.'))
  )
    return false;
  const [name, copy] = [project, directory].map((each) => {
    const path = join(each, 'package.json');
    return isFile(path) ? readPackageJson<{ name: string }>(path).name : undefined;
  });
  return name !== undefined && name === copy;
}

function ancestors(directory: string): string[] {
  const parent = dirname(resolve(directory));
  return parent === directory ? [directory] : [directory, ...ancestors(parent)];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
