// Which packages go to the device beside a bundle, and where: the ones that the bundle requires lie directly in
// node_modules, so do their dependencies, and of two versions of one package the later one goes below the package
// that needs it. Independent of how the packages lie on the host (npm, pnpm, workspace).

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Board } from '../../../shared/board/boards.ts';
import { UserError } from '../../user-error.ts';
import { fitsBoard, type NpmPackage, readNpmPackage } from './npm-package.ts';

export interface PlacedPackage {
  package: NpmPackage;
  /** Relative to the app's directory: `node_modules/a` or `node_modules/a/node_modules/b`. */
  devicePath: string;
  /** Nobody needs it: the packages that name it do without. */
  isOptional: boolean;
  /** Where its dependencies were placed. */
  dependencies: string[];
}

export interface WantedPackage {
  name: string;
  /** Directory from which its dependents see it. */
  directory: string;
  isOptional: boolean;
}

/** `rootDirectory`: dependencies are searched no further up. `excluded`: directories of packages to do without. */
export function layOutPackages(
  wanted: readonly WantedPackage[],
  board: Board,
  rootDirectory: string,
  excluded: ReadonlySet<string> = new Set(),
): PlacedPackage[] {
  const placed = new Map<string, PlacedPackage>();
  const queue: PlacedPackage[] = [];

  /** Undefined when there is no such package for this board. */
  function place(want: WantedPackage, above: string): string | undefined {
    if (excluded.has(want.directory)) return undefined;
    const present = placed.get(`node_modules/${want.name}`);
    const path =
      present === undefined || present.package.directory === want.directory
        ? `node_modules/${want.name}`
        : join(above, 'node_modules', want.name);
    const same = placed.get(path);
    if (same) {
      if (same.package.directory !== want.directory)
        throw twoVersions(want.name, same.package, want.directory);
      if (!want.isOptional) same.isOptional = false;
      return path;
    }
    const found = readNpmPackage(want.name, want.directory);
    if (!found || !fitsBoard(found, board)) return undefined;
    const entry = { package: found, devicePath: path, isOptional: want.isOptional, dependencies: [] };
    placed.set(path, entry);
    queue.push(entry);
    return path;
  }

  for (const want of wanted.toSorted((a, b) => (a.name < b.name ? -1 : 1))) place(want, '');
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const dependency of next.package.dependencies) {
      const directory = findPackage(dependency.name, next.package.directory, rootDirectory);
      if (directory === undefined) continue;
      const path = place({ ...dependency, directory }, next.devicePath);
      if (path !== undefined) next.dependencies.push(path);
    }
  }
  return [...placed.values()];
}

/** Node.js's search: node_modules of the directory and of those above it, with `rootDirectory` only up to there. */
export function findPackage(name: string, fromDirectory: string, rootDirectory?: string): string | undefined {
  const candidate = join(fromDirectory, 'node_modules', name);
  if (existsSync(join(candidate, 'package.json'))) return candidate;
  const parent = dirname(fromDirectory);
  return parent === fromDirectory || fromDirectory === rootDirectory
    ? undefined
    : findPackage(name, parent, rootDirectory);
}

function twoVersions(name: string, first: NpmPackage, directory: string): UserError {
  const second = readNpmPackage(name, directory);
  return new UserError(
    `Cannot bundle with package "${name}": it is needed in two versions, ${first.version} and ${second?.version ?? '?'}`,
    {
      hint: `Bring the packages that depend on "${name}" to versions that agree ("npm ls ${name}" lists them).`,
    },
  );
}
