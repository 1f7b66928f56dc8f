// A node app: the entry point bundled into /app/NAME/main.cjs (or .mjs), and beside it, in node_modules, the
// packages that cannot be bundled because they have native add-ons.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RootEntry, RootFile } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppConfig } from '../../config/app-config.ts';
import { foreignBinaryFilter, reachableLibraries } from '../app-binaries.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { bundle } from './bundle.ts';
import { decoratorMetadataWarning } from './decorator-metadata.ts';
import { missingFilesBesideCode } from './files-beside-code.ts';
import { type NativeModules, nativeModules } from '../packages/native-modules.ts';
import { NativePackages, type OutsidePackage } from './native-plugin.ts';
import { type NpmPackage, packageOwning, readNpmPackage } from '../packages/npm-package.ts';
import { findNpmProject, type NpmProject } from '../packages/npm-project.ts';
import { stageInstalled, stageLocked, type StagedPackages } from '../packages/npm-stage.ts';
import { findPackage } from '../packages/package-layout.ts';

type NodeApp = AppConfig & { node: string };

export async function buildNodeApp(
  app: NodeApp,
  context: AppContext,
  included: readonly RootEntry[],
): Promise<AppProgram> {
  const { instanceDirectory } = context;
  const entry = resolve(instanceDirectory, app.node);
  checkEntry(app, entry);
  const project = findNpmProject(entry);
  const staged = project && (await stageBeforeBundling(app, project, context));
  const native = new NativePackages({
    appName: app.name,
    unbundled: new Set(app.dependencies?.unbundled),
    ignoredScripts: new Set(app.dependencies?.ignoreInstallScripts),
  });
  const bundled = await bundle({ appName: app.name, instanceDirectory, entry: app.node, native, staged });
  const modules = await addModules(app, native.outside, { project, staged, included }, context);
  const path = `/app/${app.name}/${bundled.fileName}`;
  return {
    kind: 'node',
    argv: ['/bin/node', path],
    env: { NODE_ENV: 'production' },
    entries: [bundleFile(app, path, bundled.code), ...modules.entries],
    inputs: [...bundled.inputs, ...projectFiles(project)],
    sourceMaps: new Map([[path, bundled.sourceMap]]),
    warnings: [
      ...bundled.warnings,
      ...modules.warnings,
      ...unrunScripts(app, [...native.imported, ...modules.packages]),
      ...decoratorMetadataWarning(entry, instanceDirectory),
      ...missingFilesBesideCode({
        appName: app.name,
        instanceDirectory,
        sources: bundled.inputs.filter((path) => packageOwning(path) === undefined),
        included: [...included, ...modules.entries].map((file) => file.path),
      }),
    ],
    leftOut: modules.leftOut,
  };
}

/** npm would run them on this computer, for this computer. Most do nothing that counts on a device. */
function unrunScripts({ name, dependencies }: NodeApp, packages: readonly NpmPackage[]): string[] {
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

function checkEntry({ name }: NodeApp, path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile()) return;
  const problem = stats ? `"${path}" is not a file` : `there is no file "${path}"`;
  throw new UserError(`Cannot bundle app "${name}": ${problem}`, {
    hint: `Set apps.${name}.node in tskrazy.json to the app's entry point.`,
  });
}

/**
 * What is installed beside the instance is what the user sees and edits, so it is bundled. Where nothing is
 * installed (a fresh clone), the lock file says it all.
 */
async function stageBeforeBundling(
  app: NodeApp,
  project: NpmProject,
  context: AppContext,
): Promise<StagedPackages | undefined> {
  if (project.isInstalled || !project.hasDependencies) return undefined;
  if (project.lock) return stageLocked(app.name, project, project.lock, context);
  throw new UserError(
    `Cannot bundle app "${app.name}": the packages of "${join(project.directory, 'package.json')}" are not installed`,
    { hint: `Run "npm install" in ${project.directory}.` },
  );
}

interface Packages {
  project: NpmProject | undefined;
  staged: StagedPackages | undefined;
  included: readonly RootEntry[];
}

/** The packages outside of the bundle, and those that the configuration names and nobody imports. */
async function addModules(
  app: NodeApp,
  imported: readonly OutsidePackage[],
  { project, staged: present, included }: Packages,
  context: AppContext,
): Promise<NativeModules> {
  const packages = [...imported];
  for (const name of app.dependencies?.unbundled ?? []) {
    if (packages.some((outside) => outside.package.name === name)) continue;
    packages.push({ package: requirePackage(app, name, { project, staged: present }), isOptional: false });
  }
  if (packages.length === 0) return { entries: [], warnings: [], leftOut: [], packages: [] };

  const warnings: string[] = [];
  let staged = present;
  if (!staged && project?.lock) staged = await stageLocked(app.name, project, project.lock, context);
  if (!staged) {
    const installed = packages.map((outside) => outside.package);
    staged = await stageInstalled(app.name, installed, project, context);
    const names = installed.map(({ name, version }) => `${name} ${version}`).join(', ');
    warnings.push(`app "${app.name}" has no package-lock.json: what ${names} depend on is not pinned`);
  }
  const ignoredScripts = new Set(app.dependencies?.ignoreInstallScripts);
  const libraries = reachableLibraries(app, context.libraries, included);
  const isWanted = foreignBinaryFilter(app);
  const request = { appName: app.name, packages, ignoredScripts, staged, libraries, isWanted };
  const modules = await nativeModules(request, context);
  return { ...modules, warnings: [...warnings, ...modules.warnings] };
}

function requirePackage(
  { name: appName }: NodeApp,
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

function bundleFile({ name }: NodeApp, path: string, code: string): RootFile {
  return {
    kind: 'file',
    path,
    mode: 0o644,
    layer: `app:${name}`,
    origin: `app ${name}`,
    content: { kind: 'bytes', bytes: new TextEncoder().encode(code) },
  };
}

function projectFiles(project: NpmProject | undefined): string[] {
  if (!project) return [];
  return [join(project.directory, 'package.json'), ...(project.lock ? [project.lock.path] : [])];
}
