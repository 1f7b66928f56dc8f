// Servers that a framework has built already: they read their pages beside themselves, so they are not bundled again but
// go to the device as they are, with the static files that the framework serves. Recognised by what lies beside the
// entry point. That binaries in them are for the board is checked as for all files of an app.

import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { AppConfig, AppInclude } from '../../config/app-config.ts';
import type { RootEntry, RootFile } from '../../root-tree.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { collectIncludes } from '../include.ts';
import type { NpmProject } from '../packages/npm-project.ts';
import { readPackageJson } from '../packages/package-json.ts';
import { addModules } from './add-modules.ts';

export interface FinishedBuild {
  framework: string;
  /** Relative to the app's directory on the device. */
  entry: string;
  /** From absolute paths; of names with a dot those that the framework itself makes. */
  files: AppInclude[];
  /** It imports packages of the project, rather than to bring copies. */
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
    const files = [{ from: dirname(directory), to: '.', dot: SERVED_DOT_NAMES }];
    return { framework: 'Nitro', entry: 'server/index.mjs', files, needsPackages: false };
  }
  // SvelteKit's adapter-node: `build/index.js`.
  if (name === 'index.js' && has('handler.js', 'client', 'server')) {
    const files = [{ from: directory, to: 'build', dot: SERVED_DOT_NAMES }];
    return { framework: 'SvelteKit', entry: 'build/index.js', files, needsPackages: true };
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
    files: [{ from: root, to: '.' }, ...statics.filter(({ from }) => existsSync(from))].map((each) => ({
      ...each,
      dot: [...SERVED_DOT_NAMES, '.next'],
    })),
    needsPackages: false,
  };
}

export async function takeFinishedBuild(
  app: AppConfig,
  { framework, entry, files, needsPackages }: FinishedBuild,
  { project, included }: { project: NpmProject | undefined; included: readonly RootEntry[] },
  context: AppContext,
): Promise<AppProgram> {
  context.report.start(`taking app ${app.name} as ${framework} has built it`).done();
  const { entries, inputs, warnings } = collectIncludes(
    { ...app, include: files },
    context.instanceDirectory,
  );
  const { dependencies } = project
    ? readPackageJson<{ dependencies: object }>(join(project.directory, 'package.json'))
    : {};
  const packages = needsPackages ? Object.keys(dependencies ?? {}) : [];
  const modules = await addModules(app, [], packages, { project, staged: undefined, included }, context);
  return {
    kind: 'node',
    argv: ['/bin/node', `/app/${app.name}/${entry}`],
    env: { NODE_ENV: 'production' },
    entries: [...entries, ...(needsPackages ? [moduleType(app)] : []), ...modules.entries],
    inputs,
    warnings: [...warnings, ...modules.warnings],
    leftOut: modules.leftOut,
  };
}

/** The project's package.json says so on this machine. */
function moduleType({ name }: AppConfig): RootFile {
  return {
    kind: 'file',
    path: `/app/${name}/package.json`,
    mode: 0o644,
    layer: `app:${name}`,
    origin: `app ${name}`,
    content: { kind: 'bytes', bytes: new TextEncoder().encode('{"type":"module"}\n') },
  };
}
