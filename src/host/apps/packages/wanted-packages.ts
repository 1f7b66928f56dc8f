// The packages that stay outside of an app's bundle, as they are installed for the board.

import { existsSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Board } from '../../../shared/board/boards.ts';
import { UserError } from '../../user-error.ts';
import { type NpmPackage, packageOwning } from './npm-package.ts';
import type { StagedPackages } from './npm-stage.ts';
import { findPackage, type WantedPackage } from './package-layout.ts';

export interface PackagesBesideBundle {
  appName: string;
  /** Packages as seen by the bundler on this machine. */
  packages: readonly { package: Pick<NpmPackage, 'name' | 'directory'>; isOptional: boolean }[];
  staged: StagedPackages;
  /** What to do about a directory of the person's own. */
  ownDirectoryHint?: string;
}

/** The staged twin of each package that the bundler left out. */
export function wantedPackages(
  { appName, packages, staged, ownDirectoryHint }: PackagesBesideBundle,
  board: Board,
): WantedPackage[] {
  return packages.map(({ package: { name, directory }, isOptional }) => {
    const found = stagedTwin(directory, staged) ?? findPackage(name, staged.directory, staged.rootDirectory);
    if (found === undefined && !isOptional) {
      throw new UserError(
        `Cannot add package "${name}" to app "${appName}": npm did not install it for board "${board.id}"`,
        {
          hint: `Run "npm ls ${name}"; it must be in package-lock.json and not only a development dependency.`,
        },
      );
    }
    // npm makes a link of it, and the lock file from which we install knows nothing of what is in it.
    if (found !== undefined && packageOwning(join(realpathSync(found), 'package.json')) === undefined) {
      throw new UserError(
        `Cannot add package "${name}" to app "${appName}": it is a directory of your own, not an installed package`,
        {
          hint:
            ownDirectoryHint ??
            `Import it, so that it is bundled, or copy what the app reads of it with apps.${appName}.include.`,
        },
      );
    }
    return { name, directory: found ?? directory, isOptional };
  });
}

function stagedTwin(directory: string, { rootDirectory, copyOf }: StagedPackages): string | undefined {
  if (directory.startsWith(rootDirectory)) return directory;
  if (copyOf === undefined || !directory.startsWith(copyOf)) return undefined;
  const twin = join(rootDirectory, relative(copyOf, directory));
  return existsSync(join(twin, 'package.json')) ? twin : undefined;
}
