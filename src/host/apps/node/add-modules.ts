// The packages of an app that lie beside its code, out of the project as npm installs it for the board.

import type { AppConfig } from '../../config/app-config.ts';
import type { RootEntry } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppContext } from '../app-context.ts';
import { nativeChoice } from '../packages/native-choice.ts';
import { type NativeModules, nativeModules } from '../packages/native-modules.ts';
import { type NpmPackage, readNpmPackage } from '../packages/npm-package.ts';
import type { NpmProject } from '../packages/npm-project.ts';
import { stageInstalled, stageLocked, type StagedPackages } from '../packages/npm-stage.ts';
import { findPackage, layOutPackages } from '../packages/package-layout.ts';
import { wantedPackages } from '../packages/wanted-packages.ts';
import type { OutsidePackage } from './outside-packages.ts';

export interface Packages {
  project: NpmProject | undefined;
  staged: StagedPackages | undefined;
  included: readonly RootEntry[];
}

/** The packages outside of the bundle, and those that the configuration or the code names and nobody imports. */
export async function addModules(
  app: AppConfig,
  imported: readonly OutsidePackage[],
  named: readonly string[],
  { project, staged: present, included }: Packages,
  context: AppContext,
): Promise<NativeModules> {
  const packages = [...imported];
  for (const name of [...(app.dependencies?.unbundled ?? []), ...named]) {
    if (packages.some((outside) => outside.package.name === name)) continue;
    packages.push({ package: requirePackage(app, name, { project, staged: present }), isOptional: false });
  }
  if (packages.length === 0) return { entries: [], warnings: [], leftOut: [], packages: [], compiled: {} };

  const warnings: string[] = [];
  let staged = present;
  if (!staged && project?.lock) staged = await stageLocked(app, project, project.lock, context);
  if (!staged) {
    const installed = packages.map((outside) => outside.package);
    staged = await stageInstalled(app, installed, project, context);
    const names = installed.map(({ name, version }) => `${name} ${version}`).join(', ');
    const { name, lockName } = project?.otherManager ?? {};
    const why =
      name === undefined
        ? 'has no package-lock.json'
        : `is a project of ${name}, and tsk does not read its ${lockName}`;
    warnings.push(`app "${app.name}" ${why}: what ${names} depend on is not pinned`);
  }
  const { board } = context;
  const wanted = wantedPackages({ appName: app.name, packages, staged }, board);
  const { rootDirectory } = staged;
  const layOut = (excluded: ReadonlySet<string>) => layOutPackages(wanted, board, rootDirectory, excluded);
  const modules = await nativeModules({ ...(await nativeChoice(app, included, context)), layOut }, context);
  return { ...modules, warnings: [...warnings, ...modules.warnings] };
}

function requirePackage(
  { name: appName }: AppConfig,
  name: string,
  { project, staged }: Omit<Packages, 'included'>,
): NpmPackage {
  const directory = staged
    ? findPackage(name, staged.directory, staged.rootDirectory)
    : project && findPackage(name, project.directory);
  const found = directory === undefined ? undefined : readNpmPackage(name, directory);
  if (found) return found;
  throw new UserError(`Cannot add package "${name}" to app "${appName}": it is not installed`, {
    hint: `Run "npm install ${name}", or remove it from apps.${appName}.dependencies.unbundled.`,
  });
}
