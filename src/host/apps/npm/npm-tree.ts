// The packages of an npm program where npm put them: nothing is laid out anew, as programs load plugins and each other by
// paths. Left out is what only installing needs (compilers of add-ons), unless npm itself is part of the tree.

import { relative } from 'node:path';
import type { LockedNpmProgram } from '../../components/locked-npm-tree.ts';
import { readNpmPackage } from '../packages/npm-package.ts';
import { findPackage, type PlacedPackage } from '../packages/package-layout.ts';

/** `names`: the packages that the app asks for. `excluded`: directories of packages to do without. */
export function npmTree(
  names: readonly string[],
  rootDirectory: string,
  { packages }: LockedNpmProgram,
  excluded: ReadonlySet<string>,
): PlacedPackage[] {
  const placed = new Map<string, PlacedPackage>();
  const queue: PlacedPackage[] = [];
  const place = (name: string, fromDirectory: string): string | undefined => {
    const directory = findPackage(name, fromDirectory, rootDirectory);
    if (directory === undefined || excluded.has(directory)) return undefined;
    const devicePath = relative(rootDirectory, directory);
    if (placed.has(devicePath)) return devicePath;
    const found = readNpmPackage(name, directory);
    if (found === undefined) return undefined;
    const isOptional = packages[devicePath]?.['optional'] === true;
    const entry: PlacedPackage = { package: found, devicePath, isOptional, dependencies: [] };
    placed.set(devicePath, entry);
    queue.push(entry);
    return devicePath;
  };
  for (const name of names) place(name, rootDirectory);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const { name } of next.package.dependencies) {
      const path = place(name, next.package.directory);
      if (path !== undefined) next.dependencies.push(path);
    }
  }
  return [...placed.values()];
}
