// What npm is given to install a tree that tskrazy.lock.json pins, or to start from it.

import { stringifyValue } from '../../components/lock-file.ts';
import type { NpmOverrides } from '../../config/app-config.ts';
import type { LockedNpmPackages } from '../../components/locked-npm-tree.ts';

/** The package.json of nobody's project, which only depends on these. */
export interface RootPackage {
  name: string;
  version: string;
  private: true;
  dependencies: Record<string, string>;
  overrides?: NpmOverrides;
}

export function rootPackage(dependencies: Record<string, string>, overrides: NpmOverrides = {}): RootPackage {
  const rules = Object.keys(overrides).length === 0 ? {} : { overrides };
  return { name: 'app', version: '1.0.0', private: true, dependencies, ...rules };
}

/** Text of a package-lock.json. */
export function npmLockOf(json: RootPackage, packages: LockedNpmPackages): string {
  const { name, version } = json;
  return stringifyValue({
    name,
    version,
    lockfileVersion: 3,
    requires: true,
    packages: { '': json, ...packages },
  });
}
