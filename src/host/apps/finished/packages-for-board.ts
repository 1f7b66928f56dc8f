// The packages that a framework has copied into its build, from what is installed on this machine. Most are code alone.
// Those whose binaries are for another machine than the board are exchanged for what the project's lock names for the
// board: the same versions, in the same places, with the packages of its platform.

import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { AppConfig } from '../../config/app-config.ts';
import type { RootEntry, RootFile } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import { foreignBinaryFilter } from '../app-binaries.ts';
import type { AppContext } from '../app-context.ts';
import type { LeftOutOfPackage } from '../left-out.ts';
import { nativeChoice } from '../packages/native-choice.ts';
import { nativeModules } from '../packages/native-modules.ts';
import { fitsBoard, isPlatformPackage, type NpmPackage, readNpmPackage } from '../packages/npm-package.ts';
import type { NpmLock, NpmProject } from '../packages/npm-project.ts';
import { stageLocked } from '../packages/npm-stage.ts';
import { packageFiles } from '../packages/package-files.ts';
import { findPackage, type PlacedPackage } from '../packages/package-layout.ts';

export interface PackagesForBoard {
  entries: RootEntry[];
  warnings: string[];
  leftOut: LeftOutOfPackage[];
  /** Hashes of packages that were compiled, as the lock has them. */
  compiled: Record<string, string>;
}

interface Copy {
  package: NpmPackage;
  /** Relative to the app's directory on the device: `server/node_modules/sharp`. */
  devicePath: string;
}

export async function packagesForBoard(
  app: AppConfig,
  entries: readonly RootEntry[],
  { project, included }: { project: NpmProject | undefined; included: readonly RootEntry[] },
  context: AppContext,
): Promise<PackagesForBoard> {
  const copies = findCopies(app.name, entries);
  const { unfit, needless } = await sortOut(app, copies, context);
  const kept = entries.filter(({ path }) => !needless.has(path));
  const leftOut = [...needless.values()];
  if (unfit.length === 0) return { entries: kept, warnings: [], leftOut, compiled: {} };
  const owners = new Set(unfit.flatMap((copy) => ownersOf(copy, copies)));
  const lock = requireLock(app, unfit, project);
  const staged = await stageLocked(app, lock.project, lock.lock, context);
  const placed = [...owners].flatMap((copy) => placeTwins(app, copy, lock.lock, staged.rootDirectory));
  const modules = await nativeModules(
    {
      ...(await nativeChoice(app, included, context)),
      layOut: (excluded) => placed.filter((each) => !excluded.has(each.package.directory)),
    },
    context,
  );
  const exchanged = [...unfit, ...placed].map(({ devicePath }) => `/app/${app.name}/${devicePath}/`);
  // A package's own packages lie below it, and may stay.
  const isExchanged = (path: string) =>
    exchanged.some(
      (start) => path.startsWith(start) && !path.slice(start.length).startsWith('node_modules/'),
    );
  const names = [...new Set([...owners].map((copy) => copy.package.name))].toSorted().join(', ');
  context.report.start(`taking ${names} of app ${app.name} for ${context.board.id}`).done();
  return {
    entries: [
      ...kept.filter(({ path }) => !isExchanged(path)),
      // Links to programs are the framework's to make.
      ...modules.entries.filter((entry): entry is RootFile => entry.kind === 'file'),
    ],
    warnings: modules.warnings,
    leftOut: [...leftOut, ...modules.leftOut],
    compiled: modules.compiled,
  };
}

/** The packages among the files, where their package.json is. */
function findCopies(appName: string, entries: readonly RootEntry[]): Copy[] {
  const root = `/app/${appName}/`;
  return entries.flatMap((entry) => {
    const found = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/@.][^/]*)\/package\.json$/.exec(entry.path);
    if (found === null || entry.kind !== 'file' || entry.content.kind !== 'path') return [];
    const [path, name = ''] = found;
    const read = readNpmPackage(name, posix.dirname(entry.content.path));
    return read ? [{ package: read, devicePath: posix.dirname(path.slice(root.length)) }] : [];
  });
}

interface Sorted {
  /** Packages of another platform, and those with a binary for another machine and none for the board. */
  unfit: Copy[];
  /** Binaries for other machines, by their paths on the device, of packages that have one for the board, too. */
  needless: Map<string, LeftOutOfPackage>;
}

async function sortOut(app: AppConfig, copies: readonly Copy[], { board }: AppContext): Promise<Sorted> {
  const isWanted = foreignBinaryFilter(app);
  const sorted: Sorted = { unfit: [], needless: new Map() };
  for (const copy of copies) {
    const { package: found, devicePath } = copy;
    if (isPlatformPackage(found) && !fitsBoard(found, board)) {
      sorted.unfit.push(copy);
      continue;
    }
    const root = `/app/${app.name}/${devicePath}`;
    const { leftOut, files } = await packageFiles(found.directory, {
      board,
      keepsDeclarations: true,
      keepsAll: true,
      isWanted: (path) => isWanted(`${root}/${path}`),
    });
    const foreign = leftOut.filter(({ reason }) => reason === 'foreign binary');
    if (foreign.length > 0 && !files.some(({ elf }) => elf)) sorted.unfit.push(copy);
    else
      for (const file of foreign)
        sorted.needless.set(`${root}/${file.path}`, { ...file, packageName: found.name });
  }
  return sorted;
}

/** A package of a platform belongs to those that name it; one that nobody names is exchanged for nothing. */
function ownersOf(copy: Copy, copies: readonly Copy[]): Copy[] {
  if (!isPlatformPackage(copy.package)) return [copy];
  const { name } = copy.package;
  return copies.filter(
    (each) =>
      !isPlatformPackage(each.package) && each.package.dependencies.some((other) => other.name === name),
  );
}

function requireLock(
  app: AppConfig,
  [first]: readonly Copy[],
  project: NpmProject | undefined,
): { project: NpmProject; lock: NpmLock } {
  if (project?.lock) return { project, lock: project.lock };
  const { name = '', version = '' } = first?.package ?? {};
  const other = project?.otherManager;
  throw new UserError(
    `Cannot take app "${app.name}" as it is built: its package "${name}" ${version} is for another machine than the board, and ` +
      (other
        ? `tsk does not read the ${other.lockName} of ${other.name}, which names the one for the board`
        : 'there is no package-lock.json that names the one for the board'),
    {
      topic: 'native-add-on',
      hint: `Build it on a machine like the board, or install the project with npm, which writes package-lock.json.`,
    },
  );
}

/** The package as it is for the board, where its copy lies, and beside it what carries its binaries. */
function placeTwins(app: AppConfig, copy: Copy, lock: NpmLock, rootDirectory: string): PlacedPackage[] {
  const { name, version } = copy.package;
  const place = Object.keys(lock.packages).find(
    (path) =>
      `/${path}`.endsWith(`/node_modules/${name}`) &&
      lock.packages[path]?.version === version &&
      existsSync(join(rootDirectory, path, 'package.json')),
  );
  const twin = place === undefined ? undefined : readNpmPackage(name, join(rootDirectory, place));
  if (twin === undefined) {
    throw new UserError(
      `Cannot take app "${app.name}" as it is built: its package "${name}" ${version} is for another machine than the board, ` +
        `and "${lock.path}" does not name it`,
      { topic: 'native-add-on', hint: `Run "npm install" in ${lock.directory}, and build it anew.` },
    );
  }
  const modules = copy.devicePath.slice(0, -name.length - 1);
  const carriers = platformPackages(twin, rootDirectory);
  const paths = carriers.map((each) => `${modules}/${each.name}`);
  return [
    { package: twin, devicePath: copy.devicePath, isOptional: false, dependencies: paths },
    ...carriers.map((each, index) => ({
      package: each,
      devicePath: paths[index] ?? '',
      isOptional: false,
      dependencies: [],
    })),
  ];
}

/** With those of its own: the package of sharp names that of its libraries. */
function platformPackages(owner: NpmPackage, rootDirectory: string): NpmPackage[] {
  const found = new Map<string, NpmPackage>();
  const visit = (from: NpmPackage): void => {
    for (const { name } of from.dependencies) {
      const directory = found.has(name) ? undefined : findPackage(name, from.directory, rootDirectory);
      const each = directory === undefined ? undefined : readNpmPackage(name, directory);
      if (each === undefined || !isPlatformPackage(each)) continue;
      found.set(name, each);
      visit(each);
    }
  };
  visit(owner);
  return [...found.values()];
}
