// Where an app's npm packages are written down: the package.json that governs its entry point and the lock file,
// which in a workspace lies further up.

import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { ancestors } from '../../files/ancestors.ts';
import { readPackageJson } from './package-json.ts';

export interface NpmProject {
  /** Directory of the nearest package.json. */
  directory: string;
  /** Absent when the project was not installed by npm, or not at all. */
  lock: NpmLock | undefined;
  /** What else than npm installs it. */
  otherManager: OtherManager | undefined;
  /** Whether there is a node_modules directory for it on this machine. */
  isInstalled: boolean;
  /** Names of the packages that it says it needs to run. */
  dependencies: readonly string[];
  /** Those of them that it does without. */
  optional: ReadonlySet<string>;
}

interface OtherManager {
  name: 'pnpm' | 'yarn' | 'bun';
  /** The name of its lock file. */
  lockName: string;
}

export interface NpmLock {
  /** The project's own directory, or that of the workspace that it is part of. */
  directory: string;
  path: string;
  text: string;
  /** By path relative to `directory`: packages in node_modules, workspace members and linked directories. */
  packages: Readonly<Record<string, { link?: boolean; resolved?: string; version?: string }>>;
  /** npm 6 wrote locks without `packages`; newer ones ask the registry for what these do not say. */
  isOfNpm6: boolean;
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
    otherManager: lock ? undefined : findOtherManager(directory),
    isInstalled: places.some(
      (path) => statSync(join(path, 'node_modules'), { throwIfNoEntry: false }) !== undefined,
    ),
    dependencies: Object.keys({ ...dependencies, ...optionalDependencies }),
    optional: new Set(Object.keys(optionalDependencies ?? {})),
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
      return { directory: candidate, path, text, packages: packages ?? {}, isOfNpm6: packages === undefined };
  }
  return undefined;
}

const OTHER_LOCKS: readonly OtherManager[] = [
  { name: 'pnpm', lockName: 'pnpm-lock.yaml' },
  { name: 'yarn', lockName: 'yarn.lock' },
  { name: 'bun', lockName: 'bun.lock' },
  { name: 'bun', lockName: 'bun.lockb' },
];

/** Further up only that of a workspace counts. */
function findOtherManager(directory: string): OtherManager | undefined {
  for (const candidate of ancestors(directory)) {
    const found = OTHER_LOCKS.find(({ lockName }) => isFile(join(candidate, lockName)));
    if (found && (candidate === directory || isWorkspace(candidate))) return found;
  }
  return undefined;
}

function isWorkspace(directory: string): boolean {
  const path = join(directory, 'package.json');
  if (isFile(join(directory, 'pnpm-workspace.yaml'))) return true;
  return isFile(path) && readPackageJson<{ workspaces: unknown }>(path).workspaces !== undefined;
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

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
