// A node app: the entry point bundled into /app/NAME/main.cjs (or .mjs), and beside it, in node_modules, the
// packages that cannot be bundled.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RootEntry, RootFile } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppConfig } from '../../config/app-config.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { packageOwning } from '../packages/npm-package.ts';
import { findNpmProject, type NpmProject } from '../packages/npm-project.ts';
import { stageLocked, type StagedPackages } from '../packages/npm-stage.ts';
import { addModules } from './add-modules.ts';
import { bundle } from './bundle.ts';
import { decoratorMetadataWarning, findDecoratorCompiler } from './decorator-metadata.ts';
import { missingFilesBesideCode } from './files-beside-code.ts';
import { findFinishedBuild, takeFinishedBuild } from './finished-build.ts';
import { findNamedPackages } from './named-packages.ts';
import { OutsidePackages } from './outside-packages.ts';
import { readOwnCode } from './own-code.ts';
import { PackageScan } from './package-scan.ts';
import { tellNamed, tellOutside, tellScripts } from './package-warnings.ts';

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
  const finished = findFinishedBuild(entry);
  if (finished) return takeFinishedBuild(app, finished, { project, included }, context);
  const staged = project && (await stageBeforeBundling(app, project, context));
  const scan = await PackageScan.open(context.cacheDirectory, [instanceDirectory, app.name]);
  const choices = {
    appName: app.name,
    unbundled: new Set(app.dependencies?.unbundled),
    bundled: new Set(app.dependencies?.bundled),
    ignoredScripts: new Set(app.dependencies?.ignoreInstallScripts),
  };
  const outside = new OutsidePackages(choices, scan);
  const decorators = findDecoratorCompiler(entry);
  const bundled = await bundle({
    appName: app.name,
    instanceDirectory,
    entry: app.node,
    outside,
    decorators,
    staged,
  });
  await scan.save();
  const sources = await readOwnCode(bundled.inputs.filter((path) => packageOwning(path) === undefined));
  const loaders = outside.loadsOthers;
  const packages = outside.outside;
  const named =
    project && loaders.length > 0
      ? findNamedPackages(project, sources, {
          inputs: bundled.inputs,
          outside: [...packages.map((each) => each.package.name), ...choices.unbundled],
        })
      : { named: [], others: [] };
  const modules = await addModules(app, packages, named.named, { project, staged, included }, context);
  const present = new Set(modules.packages.map(({ name }) => name));
  const others = named.others.filter((name) => !present.has(name));
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
      ...tellScripts(app, [...outside.imported, ...modules.packages]),
      ...tellOutside(app.name, outside.reasons, choices.unbundled),
      ...tellNamed(app.name, { ...named, others }, loaders),
      ...decoratorMetadataWarning(decorators, instanceDirectory),
      ...missingFilesBesideCode({
        appName: app.name,
        dataDirectory: app.dataDir ?? `/perm/${app.name}`,
        instanceDirectory,
        projectDirectory: project?.directory ?? instanceDirectory,
        sources,
        included: [...included, ...modules.entries],
      }),
    ],
    leftOut: modules.leftOut,
  };
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
