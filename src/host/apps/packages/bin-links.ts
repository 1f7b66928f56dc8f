// The links that npm makes to the programs of packages, in `.bin` of the node_modules where the package lies: packages
// start each other's programs by them. Made from what each package says, as a lock need not have it.

import { join, posix } from 'node:path';
import type { RootSymlink } from '../../root-tree.ts';
import { packageOrigin } from '../left-out.ts';
import type { PackageFiles } from './package-files.ts';
import { readPackageJson } from './package-json.ts';
import type { PlacedPackage } from './package-layout.ts';

type Placed = Pick<PlacedPackage, 'package' | 'devicePath'> & Pick<PackageFiles, 'files'>;

/** Programs by their names, as package.json has them: a package with one may call it by its own. */
export function binsOf(packageName: string, bin: unknown): Map<string, string> {
  const plain = packageName.slice(packageName.indexOf('/') + 1);
  if (typeof bin === 'string') return new Map([[plain, bin]]);
  if (typeof bin !== 'object' || bin === null) return new Map();
  return new Map(
    Object.entries(bin).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** Names and paths of the programs that are among the package's files. */
export function placedBins({ package: { realName, directory }, files }: Placed): Map<string, string> {
  const { bin } = readPackageJson<{ bin: unknown }>(join(directory, 'package.json'));
  const present = new Set(files.map(({ path }) => path));
  return new Map(
    [...binsOf(realName, bin)]
      // As npm does: neither leads out of its directory.
      .map(([name, path]) => [posix.basename(name), posix.join('/', path).slice(1)] as const)
      .filter(([name, path]) => name !== '' && present.has(path)),
  );
}

/** Of programs of one name that of the first package has it, as with npm. */
export function binLinks(appName: string, packages: readonly Placed[]): RootSymlink[] {
  const links = new Map<string, RootSymlink>();
  for (const placed of packages.toSorted((a, b) => (a.devicePath < b.devicePath ? -1 : 1))) {
    const { devicePath, package: found } = placed;
    const directory = `${devicePath.slice(0, -found.name.length)}.bin`;
    for (const [name, file] of placedBins(placed)) {
      const path = `/app/${appName}/${directory}/${name}`;
      if (links.has(path)) continue;
      links.set(path, {
        kind: 'symlink',
        path,
        target: posix.relative(directory, posix.join(devicePath, file)),
        mode: 0o777,
        layer: `app:${appName}`,
        origin: packageOrigin(appName, found.name),
      });
    }
  }
  return [...links.values()];
}
