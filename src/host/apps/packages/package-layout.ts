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
  /** Places of its dependencies. */
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

  /** `from`: device path of the package that needs it; undefined when there is no such package for this board. */
  function place(want: WantedPackage, from: string): string | undefined {
    if (excluded.has(want.directory)) return undefined;
    const seen = placesAbove(from, want.name).find((path) => placed.has(path));
    const present = seen === undefined ? undefined : placed.get(seen);
    if (present?.package.directory === want.directory) {
      if (!want.isOptional) present.isOptional = false;
      return seen;
    }
    const found = readNpmPackage(want.name, want.directory);
    if (!found || !fitsBoard(found, board)) return undefined;
    // Another version is in the way: the place of its own is that of the package that needs it.
    const path = present === undefined ? freePlace(want, from) : join(from, 'node_modules', want.name);
    const entry = { package: found, devicePath: path, isOptional: want.isOptional, dependencies: [] };
    placed.set(path, entry);
    queue.push(entry);
    return path;
  }

  /** Where it lies on this machine, below one of the packages around; else at the top. */
  function freePlace({ name, directory }: WantedPackage, from: string): string {
    const [, ...above] = placesAbove(from, name).reverse();
    const own = above.find((path) => {
      const owner = placed.get(path.slice(0, -`/node_modules/${name}`.length));
      return owner !== undefined && join(owner.package.directory, 'node_modules', name) === directory;
    });
    return own ?? `node_modules/${name}`;
  }

  for (const want of wanted.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const top = placed.get(`node_modules/${want.name}`);
    if (top && top.package.directory !== want.directory)
      throw twoVersions(want.name, top.package, want.directory);
    place(want, '');
  }
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

/** Where Node.js looks for a package, from the nearest place on: `a/node_modules/x`, then `node_modules/x`. */
function placesAbove(devicePath: string, name: string): string[] {
  const places: string[] = [];
  for (
    let path = devicePath;
    path !== '';
    path = path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/')))
  ) {
    places.push(`${path}/node_modules/${name}`);
  }
  return [...places, `node_modules/${name}`];
}

/** A name from a package.json may be anything: `../..` would be whatever lies around. */
const PACKAGE_NAME = /^(?:@[^./\\][^/\\]*\/)?[^./\\][^/\\]*$/;

/** Node.js's search: node_modules of the directory and of those above it, with `rootDirectory` only up to there. */
export function findPackage(name: string, fromDirectory: string, rootDirectory?: string): string | undefined {
  if (!PACKAGE_NAME.test(name)) return undefined;
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
