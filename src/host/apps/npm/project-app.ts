// An npm app that is a directory: a project of one's own that is not bundled, because it reads beside itself. Its files go
// to /app/NAME as they are, and beside them its packages as its own lock says, for the board. What a framework has built in
// it goes instead of it. Building is the person's, as for any server.

import { existsSync, globSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../../user-error.ts';
import type { RootEntry } from '../../root-tree.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { findFinishedBuild, type FinishedBuild, takeFinishedBuild } from '../finished/finished-build.ts';
import { collectIncludes } from '../include.ts';
import { noShell } from '../no-shell.ts';
import { nodeEnvironment, nodeProgram } from '../packages/app-node.ts';
import { engineWarnings } from '../packages/engine-warnings.ts';
import { nativeChoice } from '../packages/native-choice.ts';
import { type NativeModules, nativeModules } from '../packages/native-modules.ts';
import { findNpmProject, type NpmLock, type NpmProject } from '../packages/npm-project.ts';
import { stageLocked } from '../packages/npm-stage.ts';
import { findPackage, layOutPackages } from '../packages/package-layout.ts';
import { tellScripts } from '../packages/script-warnings.ts';
import { wantedPackages } from '../packages/wanted-packages.ts';
import { dataFiles } from './first-start.ts';
import type { NpmApp } from './npm-spec.ts';
import { projectStart } from './project-start.ts';

export async function buildProjectApp(
  app: NpmApp,
  context: AppContext,
  included: readonly RootEntry[],
): Promise<AppProgram> {
  const directory = requireProject(app, context.instanceDirectory);
  const data = dataFiles(app, context.instanceDirectory);
  const finished = findBuildIn(app, directory);
  const program = finished
    ? await takeFinishedBuild(app, finished, included, context)
    : await takeProject(app, directory, included, context);
  const [node = '', ...argv] = program.argv;
  return {
    ...program,
    // First, as the script takes the option away from what the program forks.
    argv: [node, ...data.nodeArguments, ...argv],
    entries: [...program.entries, ...data.entries],
    inputs: [...program.inputs, ...data.inputs],
    warnings: [...(program.warnings ?? []), ...data.warnings],
  };
}

function requireProject(app: NpmApp, instanceDirectory: string): string {
  const { name, npm, plugins = [], overrides = {}, installOnDevice } = app;
  const directory = resolve(instanceDirectory, npm);
  const act = `Cannot use "${npm}" for app "${name}"`;
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UserError(`${act}: there is no directory "${directory}"`, {
      hint: `Directories are relative to tskrazy.json. A program from npm goes by its name alone, without "./".`,
    });
  }
  if (installOnDevice === true)
    throw new UserError(
      `${act}: "installOnDevice" is for programs from npm, and this is a project of yours`,
      {
        hint: `Take it out of apps.${name}: what the project needs belongs into "dependencies" of its package.json.`,
      },
    );
  const [key] = plugins.length > 0 ? ['plugins'] : Object.keys(overrides).length > 0 ? ['overrides'] : [];
  if (key !== undefined) {
    const own = key === 'plugins' ? 'dependencies' : 'overrides';
    throw new UserError(`${act}: "${key}" is for programs from npm, and this is a project of yours`, {
      hint: `Put them into "${own}" of its package.json, and run "npm install" there.`,
    });
  }
  return directory;
}

/** Where servers that frameworks have built begin, seen from the project and from what was built. */
const BUILD_ENTRIES = [
  '.next/standalone/server.js',
  '.output/server/index.mjs',
  'build/index.js',
  'server.js',
  'server/index.mjs',
  'index.js',
];

/** In a workspace Next.js keeps the directories above the project. */
const NEXT_IN_WORKSPACE = '.next/standalone/!(node_modules|.next)/**/server.js';

function findBuildIn(app: NpmApp, directory: string): FinishedBuild | undefined {
  const named = app.bin === undefined ? BUILD_ENTRIES : [app.bin];
  const deeper = (): string[] =>
    app.bin === undefined && existsSync(join(directory, '.next/standalone'))
      ? globSync(NEXT_IN_WORKSPACE, { cwd: directory, exclude: ['**/node_modules/**'] })
      : [];
  for (const path of [...named, ...deeper()]) {
    const entry = join(directory, path);
    const found = existsSync(entry) ? findFinishedBuild(entry) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What is made anew for the board, or only says what is. */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  'node_modules',
  'npm-shrinkwrap.json',
  'package-lock.json',
  'tskrazy.json',
  'tskrazy.lock.json',
]);

async function takeProject(
  app: NpmApp,
  directory: string,
  included: readonly RootEntry[],
  context: AppContext,
): Promise<AppProgram> {
  const { name, npm, bin } = app;
  const project = findNpmProject(join(directory, 'index.js'));
  if (project?.directory !== directory) {
    throw new UserError(`Cannot use "${npm}" for app "${name}": the directory has no package.json`, {
      hint: `Run "npm init" there, or name the program's own file as apps.${name}.node.`,
    });
  }
  const start = projectStart({ appName: name, source: npm, bin, directory });
  const built = findFinishedBuild(join(directory, start.path));
  if (built !== undefined) return takeFinishedBuild(app, built, included, context);
  const own = collectIncludes(
    { ...app, include: [{ from: directory, to: '.', except: NOT_TAKEN }] },
    context.instanceDirectory,
  );
  const path = `/app/${name}/${start.path}`;
  requireTaken(app, path, own.entries);
  const modules = await projectModules(app, project, included, context);
  const shell = noShell(app);
  return {
    kind: 'node',
    argv: [nodeProgram(app), ...shell.nodeArguments, ...start.nodeArguments, path, ...start.args],
    // Options of Node.js name packages, which it would look for in the current directory.
    env: {
      NODE_ENV: 'production',
      NODE_PATH: `/app/${name}/node_modules`,
      ...nodeEnvironment(app),
      ...start.env,
    },
    entries: [...own.entries, ...modules.entries, shell.entry],
    inputs: [...own.inputs, ...(project.lock ? [project.lock.path] : [])],
    warnings: [...own.warnings, ...modules.warnings, ...tellScripts(app, modules.packages)],
    leftOut: modules.leftOut,
    compiled: modules.compiled,
  };
}

/** A rule of `.tskrazyignore`, or a name with a dot. */
function requireTaken({ name, npm }: NpmApp, path: string, entries: readonly RootEntry[]): void {
  if (entries.some((entry) => entry.path === path)) return;
  throw new UserError(
    `Cannot start app "${name}": "${path}", by which it starts, is among what of "${npm}" does not go to the device`,
    { hint: 'Names with a dot do not, nor does what .tskrazyignore names: build it into another directory.' },
  );
}

async function projectModules(
  app: NpmApp,
  project: NpmProject,
  included: readonly RootEntry[],
  context: AppContext,
): Promise<NativeModules> {
  const { board } = context;
  if (project.dependencies.length === 0)
    return { entries: [], warnings: [], leftOut: [], packages: [], compiled: {} };
  const staged = await stageLocked(app, project, requireLock(app, project), context);
  const packages = project.dependencies.map((name) => ({
    package: { name, directory: join(project.directory, 'node_modules', name) },
    isOptional: project.optional.has(name),
  }));
  const present = packages.filter(
    ({ package: { name }, isOptional }) =>
      !isOptional || findPackage(name, staged.directory, staged.rootDirectory) !== undefined,
  );
  const ownDirectoryHint = `Name the program's own file as apps.${app.name}.node: it is bundled with that directory.`;
  const wanted = wantedPackages({ appName: app.name, packages: present, staged, ownDirectoryHint }, board);
  const modules = await nativeModules(
    {
      ...(await nativeChoice(app, included, context)),
      layOut: (excluded) => layOutPackages(wanted, board, staged.rootDirectory, excluded),
    },
    context,
  );
  return { ...modules, warnings: [...engineWarnings(app, wanted, context), ...modules.warnings] };
}

function requireLock({ name, npm }: NpmApp, { directory, lock, otherManager }: NpmProject): NpmLock {
  if (lock) return lock;
  const what = otherManager
    ? `it is a project of ${otherManager.name}, and tsk does not read its ${otherManager.lockName}`
    : 'it has no package-lock.json, which says what its packages are';
  throw new UserError(`Cannot install the packages of app "${name}": "${npm}": ${what}`, {
    topic: 'npm-packages',
    hint: otherManager
      ? `Run "npm install" in ${directory} for a package-lock.json, or name its program as apps.${name}.node, which is bundled.`
      : `Run "npm install" in ${directory}.`,
  });
}
