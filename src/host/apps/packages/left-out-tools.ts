// What a build says of packages that stay out because only an installation needs them (build-tools.ts).

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LeftOutOfPackage } from '../left-out.ts';
import type { NpmPackage } from './npm-package.ts';
import { findPackage } from './package-layout.ts';

/** `packages`: those that go to the device. A tool that another of them brings along is not left out. */
export function leftOutTools(packages: readonly NpmPackage[]): LeftOutOfPackage[] {
  const present = new Set(packages.map(({ directory }) => directory));
  const found = new Map<string, LeftOutOfPackage>();
  for (const { name: packageName, buildTools, directory } of packages) {
    for (const path of buildTools.flatMap((name) => findPackage(name, directory) ?? [])) {
      if (present.has(path) || found.has(path)) continue;
      found.set(path, { reason: 'build tool', path, sizeBytes: sizeBelow(path), packageName });
    }
  }
  return [...found.values()];
}

function sizeBelow(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return sum + (entry.name === 'node_modules' ? 0 : sizeBelow(path));
    return sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}
