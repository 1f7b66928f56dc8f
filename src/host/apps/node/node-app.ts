// A node app: the entry point bundled into /app/NAME/main.cjs (or .mjs), and beside it, in node_modules, the
// packages that cannot be bundled.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RootEntry } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppConfig } from '../../config/app-config.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { appTextFile } from '../app-text-file.ts';
import { noShell } from '../no-shell.ts';
import { nodeEnvironment, nodeProgram } from '../packages/app-node.ts';
import { engineWarnings } from '../packages/engine-warnings.ts';
import { type NpmPackage, packageOwning } from '../packages/npm-package.ts';
import { findNpmProject, type NpmProject } from '../packages/npm-project.ts';
import { stageLocked, type StagedPackages } from '../packages/npm-stage.ts';
import { findPackage } from '../packages/package-layout.ts';
import { patchesOf } from '../packages/patches.ts';
import { tellScripts } from '../packages/script-warnings.ts';
import { addModules } from './add-modules.ts';
import { bundle } from './bundle.ts';
import { decoratorMetadataWarning, findDecoratorCompiler } from './decorator-metadata.ts';
import { missingFilesBesideCode } from './files-beside-code.ts';
import { findFinishedBuild, takeFinishedBuild } from '../finished/finished-build.ts';
import { findNamedPackages } from './named-packages.ts';
import { OutsidePackages } from './outside-packages.ts';
import { readOwnCode } from './own-code.ts';
import { PackageScan } from './package-scan.ts';
import { missingPrograms } from './missing-programs.ts';
import { tellNamed, tellOutside } from './package-warnings.ts';

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
  if (finished) return takeFinishedBuild(app, finished, included, context);
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
    nodeVersion: app.nodeVersion,
    instanceDirectory,
    entry: app.node,
    outside,
    decorators,
    staged,
  });
  await scan.save();
  requireBuiltins(app, bundled.code);
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
  // What is in packages is not looked through.
  const mayStartPrograms = bundled.code.includes('child_process') || modules.packages.length > 0;
  const shell = mayStartPrograms ? noShell(app) : undefined;
  return {
    kind: 'node',
    argv: [nodeProgram(app), ...(shell?.nodeArguments ?? []), path],
    env: { NODE_ENV: 'production', ...nodeEnvironment(app) },
    entries: [appTextFile(app.name, path, bundled.code), ...modules.entries, ...(shell ? [shell.entry] : [])],
    inputs: [...bundled.inputs, ...projectFiles(project)],
    sourceMaps: new Map([[path, bundled.sourceMap]]),
    warnings: [
      ...bundled.warnings,
      ...(project
        ? engineWarnings(
            app,
            directPackages(project, staged, [...outside.imported, ...modules.packages]),
            context,
          )
        : []),
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
      ...missingPrograms(
        { appName: app.name, instanceDirectory, sandbox: app.sandbox, appNames: context.appNames },
        sources,
      ),
    ],
    leftOut: modules.leftOut,
    compiled: modules.compiled,
  };
}

/** As a bundle asks for it: some packages have lists with the names of all built-in modules. */
const ASKS_FOR_FFI = /(?:\b(?:require|import|getBuiltinModule)\(|\bfrom |\bimport )"node:ffi"/;

/** Of the built-in modules that programs use, `node:ffi` alone is in no earlier line. */
function requireBuiltins({ name, nodeVersion }: NodeApp, code: string): void {
  if (nodeVersion === undefined || !ASKS_FOR_FFI.test(code)) return;
  throw new UserError(
    `Cannot build app "${name}" for Node.js ${nodeVersion}: it uses node:ffi, which only the image's own Node.js has`,
    { hint: `Take "nodeVersion" out of apps.${name}: "tskrazy/app/gpio" needs node:ffi.` },
  );
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
  if (project.isInstalled || project.dependencies.length === 0) return undefined;
  if (project.lock) return stageLocked(app, project, project.lock, context);
  const { name = 'npm', lockName } = project.otherManager ?? {};
  const of = lockName === undefined ? '' : `; it is a project of ${name} (${lockName})`;
  throw new UserError(
    `Cannot bundle app "${app.name}": the packages of "${join(project.directory, 'package.json')}" are not installed${of}`,
    { hint: `Run "${name} install" in ${project.directory}.` },
  );
}

/** Of the packages that are used those that the project itself depends on. */
function directPackages(
  { directory, dependencies }: NpmProject,
  staged: StagedPackages | undefined,
  used: readonly NpmPackage[],
): { name: string; directory: string }[] {
  const names = new Set(used.map(({ name }) => name));
  return dependencies.flatMap((name) => {
    const found = names.has(name)
      ? findPackage(name, staged?.directory ?? directory, staged?.rootDirectory)
      : undefined;
    return found === undefined ? [] : [{ name, directory: found }];
  });
}

function projectFiles(project: NpmProject | undefined): string[] {
  if (!project) return [];
  const { directory, lock } = project;
  const patchesFrom = lock?.directory ?? directory;
  return [
    join(directory, 'package.json'),
    ...(lock ? [lock.path] : []),
    ...patchesOf(patchesFrom, 'project').map(({ path }) => join(patchesFrom, path)),
  ];
}
