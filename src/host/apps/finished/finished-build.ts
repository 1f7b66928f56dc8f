// Servers that a framework has built already: they read their pages beside themselves, so they are not bundled again but
// go to the device as they are, with the static files that the framework serves. Recognised by what lies beside the
// entry point. Packages in them that were copied from this machine are exchanged where the board needs others.

import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { AppConfig, AppInclude } from '../../config/app-config.ts';
import type { RootEntry, RootFile } from '../../root-tree.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { appTextFile } from '../app-text-file.ts';
import { collectIncludes } from '../include.ts';
import { addModules } from '../node/add-modules.ts';
import { noShell } from '../no-shell.ts';
import { nodeEnvironment, nodeProgram } from '../packages/app-node.ts';
import { findNpmProject, type NpmProject } from '../packages/npm-project.ts';
import { readPackageJson } from '../packages/package-json.ts';
import { packagesForBoard } from './packages-for-board.ts';

export interface FinishedBuild {
  framework: string;
  /** Relative to the app's directory on the device. */
  entry: string;
  /** Of the project that was built. */
  projectDirectory: string;
  /** From absolute paths, links to packages in them stay links; of names with a dot those that the framework itself makes. */
  files: AppInclude[];
  /** Whether the build imports packages of the project; others bring copies. */
  needsPackages: boolean;
}

/** Next.js, for one, copies the project's .env beside its server; nobody should find that in an image without having said so. */
const SERVED_DOT_NAMES = ['.vite', '.well-known'];

export function findFinishedBuild(entryPath: string): FinishedBuild | undefined {
  const directory = dirname(entryPath);
  const name = basename(entryPath);
  const has = (...paths: string[]): boolean => paths.every((path) => existsSync(join(directory, path)));
  // Nuxt, Analog and others: `.output/server/index.mjs`, its static files in `.output/public`.
  if (name === 'index.mjs' && basename(directory) === 'server' && has('../nitro.json')) {
    const output = dirname(directory);
    return {
      framework: 'Nitro',
      entry: 'server/index.mjs',
      projectDirectory: dirname(output),
      files: [{ from: output, to: '.', dot: SERVED_DOT_NAMES }],
      needsPackages: false,
    };
  }
  // SvelteKit's adapter-node: `build/index.js`.
  if (name === 'index.js' && has('handler.js', 'client', 'server')) {
    return {
      framework: 'SvelteKit',
      entry: 'build/index.js',
      projectDirectory: dirname(directory),
      files: [{ from: directory, to: 'build', dot: SERVED_DOT_NAMES }],
      needsPackages: true,
    };
  }
  return name === 'server.js' && has('.next') ? nextBuild(entryPath) : undefined;
}

/** `.next/standalone/server.js`, in a workspace further down; what it serves without asking lies in the project. */
function nextBuild(entryPath: string): FinishedBuild | undefined {
  const marker = join('.next', 'standalone', sep);
  const at = entryPath.lastIndexOf(marker);
  if (at === -1) return undefined;
  const root = entryPath.slice(0, at + marker.length - 1);
  const project = entryPath.slice(0, at);
  const entry = relative(root, entryPath).split(sep).join('/');
  const statics = [
    { from: join(project, '.next/static'), to: join(dirname(entry), '.next/static') },
    { from: join(project, 'public'), to: join(dirname(entry), 'public') },
  ];
  return {
    framework: 'Next.js',
    entry,
    projectDirectory: dirname(join(project, 'package.json')),
    files: [{ from: root, to: '.' }, ...statics.filter(({ from }) => existsSync(from))].map((each) => ({
      ...each,
      dot: [...SERVED_DOT_NAMES, '.next'],
    })),
    needsPackages: false,
  };
}

export async function takeFinishedBuild(
  app: AppConfig,
  { framework, entry, projectDirectory, files, needsPackages }: FinishedBuild,
  included: readonly RootEntry[],
  context: AppContext,
): Promise<AppProgram> {
  context.report.start(`taking app ${app.name} as ${framework} has built it`).done();
  const taken = collectIncludes(
    { ...app, include: files.map((each) => ({ ...each, links: true })) },
    context.instanceDirectory,
  );
  const project = findNpmProject(join(projectDirectory, entry));
  const built = await packagesForBoard(app, taken.entries, { project, included }, context);
  const packages = needsPackages ? dependenciesOf(project) : [];
  const modules = await addModules(app, [], packages, { project, staged: undefined, included }, context);
  const shell = noShell(app);
  return {
    kind: 'node',
    argv: [nodeProgram(app), ...shell.nodeArguments, `/app/${app.name}/${entry}`],
    env: { NODE_ENV: 'production', ...nodeEnvironment(app) },
    entries: [...built.entries, ...(needsPackages ? [moduleType(app)] : []), ...modules.entries, shell.entry],
    inputs: taken.inputs,
    warnings: [...taken.warnings, ...built.warnings, ...modules.warnings],
    leftOut: [...built.leftOut, ...modules.leftOut],
    compiled: { ...built.compiled, ...modules.compiled },
  };
}

/** Those that it cannot do without. */
function dependenciesOf(project: NpmProject | undefined): string[] {
  if (project === undefined) return [];
  const { dependencies } = readPackageJson<{ dependencies: object }>(join(project.directory, 'package.json'));
  return Object.keys(dependencies ?? {});
}

/** The project's package.json says so on this machine. */
function moduleType({ name }: AppConfig): RootFile {
  return appTextFile(name, `/app/${name}/package.json`, '{"type":"module"}\n');
}
