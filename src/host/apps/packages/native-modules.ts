// The packages that stay outside of an app's bundle, as files of /app/NAME/node_modules for the board, and the
// check that each of them really has its native code there.

import { existsSync, realpathSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import type { RootFile } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppContext } from '../app-context.ts';
import { isPlatformPackage, type NpmPackage, packageOwning } from './npm-package.ts';
import type { StagedPackages } from './npm-stage.ts';
import { type PackageFile, packageFiles } from './package-files.ts';
import { findPackage, layOutPackages, type PlacedPackage, type WantedPackage } from './package-layout.ts';
import { dynamicProblem } from '../program-file.ts';

export interface NativeModules {
  entries: RootFile[];
  warnings: string[];
}

export interface NativeRequest {
  appName: string;
  /** As seen by the bundler on this machine. */
  packages: readonly { package: NpmPackage; isOptional: boolean }[];
  /** Names of packages that do without their install script. */
  ignoredScripts: ReadonlySet<string>;
  staged: StagedPackages;
}

interface LoadedPackage extends PlacedPackage {
  files: PackageFile[];
}

export async function nativeModules(request: NativeRequest, context: AppContext): Promise<NativeModules> {
  const warnings: string[] = [];
  const excluded = new Set<string>();
  for (;;) {
    const loaded = await loadPackages(request, excluded, context);
    const missing = [...loaded.values()]
      .map((entry) => ({ ...entry, problem: missingBinary(entry, loaded, request, context) }))
      .find(({ problem }) => problem !== undefined);
    if (missing?.problem === undefined) {
      return {
        entries: [...loaded.values()].flatMap((entry) => rootFiles(entry, request.appName)),
        warnings,
      };
    }
    const { package: found, isOptional, problem } = missing;
    if (!isOptional) throw noPrebuilt(request.appName, found, problem, context);
    warnings.push(`package "${found.name}" of app "${request.appName}" is left out: ${problem}`);
    // Once more: what only that package depends on stays out too.
    excluded.add(found.directory);
  }
}

async function loadPackages(
  request: NativeRequest,
  excluded: ReadonlySet<string>,
  context: AppContext,
): Promise<Map<string, LoadedPackage>> {
  const { rootDirectory } = request.staged;
  const loaded = new Map<string, LoadedPackage>();
  for (const entry of layOutPackages(
    wantedPackages(request, context),
    context.board,
    rootDirectory,
    excluded,
  )) {
    const files = await packageFiles(entry.package.directory, context.board);
    loaded.set(entry.devicePath, { ...entry, files });
  }
  return loaded;
}

/** The staged twin of each package that the bundler left out. */
function wantedPackages({ appName, packages, staged }: NativeRequest, context: AppContext): WantedPackage[] {
  return packages.map(({ package: { name, directory }, isOptional }) => {
    const found = stagedTwin(directory, staged) ?? findPackage(name, staged.directory, staged.rootDirectory);
    if (found === undefined && !isOptional) {
      throw new UserError(
        `Cannot add package "${name}" to app "${appName}": npm did not install it for board "${context.board.id}"`,
        {
          hint: `Run "npm ls ${name}"; it must be in package-lock.json and not only a development dependency.`,
        },
      );
    }
    // npm makes a link of it, and the lock file from which we install knows nothing of what is in it.
    if (found !== undefined && packageOwning(join(realpathSync(found), 'package.json')) === undefined) {
      throw new UserError(
        `Cannot add package "${name}" to app "${appName}": it is a folder of your own, not an installed package`,
        {
          hint: `Import it, so that it is bundled, or copy what the app reads of it with apps.${appName}.include.`,
        },
      );
    }
    return { name, directory: found ?? directory, isOptional };
  });
}

function stagedTwin(directory: string, { rootDirectory, copyOf }: StagedPackages): string | undefined {
  if (directory.startsWith(rootDirectory)) return directory;
  if (copyOf === undefined || !directory.startsWith(copyOf)) return undefined;
  const twin = join(rootDirectory, relative(copyOf, directory));
  return existsSync(join(twin, 'package.json')) ? twin : undefined;
}

/** Why a package that should have native code for the board has none that loads; undefined when it has. */
function missingBinary(
  entry: LoadedPackage,
  loaded: ReadonlyMap<string, LoadedPackage>,
  { ignoredScripts }: NativeRequest,
  { board, libraries }: AppContext,
): string | undefined {
  const { nativeBecause, installScript, name } = entry.package;
  if ((nativeBecause ?? installScript) === undefined || ignoredScripts.has(name)) return undefined;
  const platformPackages = entry.dependencies
    .map((path) => loaded.get(path))
    .filter((dependency) => dependency !== undefined && isPlatformPackage(dependency.package));
  const binaries = [entry, ...platformPackages].flatMap((from) => from?.files.filter(({ elf }) => elf) ?? []);
  if (binaries.length === 0) {
    const script =
      installScript === undefined
        ? ''
        : `, and its install script, which would make one, runs for this machine only ("${installScript}")`;
    return `it carries no prebuilt add-on for linux-${board.nodeArch} with glibc${script}`;
  }
  // A package may bring its own libraries, and its add-ons find them by their run path.
  const own = [...loaded.values()].flatMap(({ files }) => files.map(({ path }) => posix.basename(path)));
  const available = new Set([...libraries, ...own]);
  const problems = binaries.map(({ path, elf }) => {
    const problem = elf && dynamicProblem(elf, board, available);
    return problem === undefined ? undefined : `its "${path}" does not load: ${problem}`;
  });
  return problems.includes(undefined) ? undefined : problems[0];
}

function noPrebuilt(
  appName: string,
  { name, version }: NpmPackage,
  problem: string,
  { board }: AppContext,
): UserError {
  return new UserError(
    `Cannot add package "${name}" ${version} to app "${appName}" for board "${board.id}": ${problem}`,
    {
      hint:
        `Use a version of "${name}", or another package, that is published with prebuilt files for linux-${board.nodeArch}. ` +
        `If it works without its native part, list it in apps.${appName}.dependencies.ignoreInstallScripts.`,
    },
  );
}

function rootFiles({ package: { name }, devicePath, files }: LoadedPackage, appName: string): RootFile[] {
  return files.map(({ path, hostPath, sizeBytes, isExecutable }) => ({
    kind: 'file',
    path: `/app/${appName}/${devicePath}/${path}`,
    mode: isExecutable ? 0o755 : 0o644,
    layer: `app:${appName}`,
    origin: `app ${appName}, package ${name}`,
    content: { kind: 'path', path: hostPath, sizeBytes },
  }));
}
