// What a build says of the install scripts of an app's packages.

import type { AppConfig } from '../../config/app-config.ts';
import type { NpmPackage } from './npm-package.ts';

/** npm would run them on this computer, for this computer. Most do nothing that counts on a device. */
export function tellScripts({ name, dependencies }: AppConfig, packages: readonly NpmPackage[]): string[] {
  const ignored = new Set(dependencies?.ignoreInstallScripts);
  const scripts = packages
    .filter((found) => found.nativeBecause === undefined && !ignored.has(found.name))
    .flatMap((found) =>
      found.installScript === undefined ? [] : [`${found.name} ("${found.installScript}")`],
    );
  if (scripts.length === 0) return [];
  return [
    `install scripts of packages of app "${name}" are not run: ${[...new Set(scripts)].toSorted().join(', ')}; ` +
      `those that nothing needs go into apps.${name}.dependencies.ignoreInstallScripts`,
  ];
}
