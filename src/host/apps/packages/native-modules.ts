// The packages that stay outside of an app's bundle, as files of /app/NAME/node_modules for the board, and the
// check that each of them really has its native code there.

import { existsSync, realpathSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { elfMachineName } from '../../../formats/elf.ts';
import type { Board } from '../../../shared/board/boards.ts';
import type { RootFile } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppContext } from '../app-context.ts';
import type { LeftOutFile } from '../left-out.ts';
import { isPlatformPackage, type NpmPackage, packageOwning } from './npm-package.ts';
import type { StagedPackages } from './npm-stage.ts';
import { packageFiles, type PackageFiles } from './package-files.ts';
import { findPackage, layOutPackages, type PlacedPackage, type WantedPackage } from './package-layout.ts';
import { dynamicProblem } from '../program-file.ts';

export interface NativeModules {
  entries: RootFile[];
  warnings: string[];
  leftOut: LeftOutFile[];
  /** The packages that go to the device. */
  packages: NpmPackage[];
}

export interface NativeRequest {
  appName: string;
  /** Packages as seen by the bundler on this machine. */
  packages: readonly { package: NpmPackage; isOptional: boolean }[];
  /** Names of packages that do without their install script. */
  ignoredScripts: ReadonlySet<string>;
  staged: StagedPackages;
  /** Whether the binary for another machine at this path of the device is wanted. */
  isWanted: (path: string) => boolean;
  /** File names of the libraries that the app finds on the device, beside those of its packages. */
  libraries: ReadonlySet<string>;
}

interface LoadedPackage extends PlacedPackage, PackageFiles {}

interface Problem {
  text: string;
  /** Libraries, where they are all that the add-on lacks. */
  missingLibraries?: readonly string[];
}

export async function nativeModules(request: NativeRequest, context: AppContext): Promise<NativeModules> {
  const warnings: string[] = [];
  const excluded = new Set<string>();
  const read = new Map<string, PackageFiles>();
  for (;;) {
    const loaded = await loadPackages(request, excluded, read, context);
    const missing = [...loaded.values()]
      .map((entry) => ({ ...entry, problem: missingBinary(entry, loaded, request, context) }))
      .find(({ problem }) => problem !== undefined);
    if (missing?.problem === undefined) {
      const all = [...loaded.values()];
      return {
        entries: all.flatMap((entry) => rootFiles(entry, request.appName)),
        // One package may lie in several places.
        warnings: [
          ...new Set([...warnings, ...all.flatMap((entry) => foreignOnly(entry, loaded, request, context))]),
        ],
        leftOut: all.flatMap(({ leftOut }) => leftOut),
        packages: all.map((entry) => entry.package),
      };
    }
    const { package: found, isOptional, problem } = missing;
    if (!isOptional) throw noPrebuilt(request, found, problem, context);
    warnings.push(`package "${found.name}" of app "${request.appName}" is left out: ${problem.text}`);
    // Once more: what only that package depends on stays out too.
    excluded.add(found.directory);
  }
}

/** `read` keeps what was read in an earlier round. */
async function loadPackages(
  request: NativeRequest,
  excluded: ReadonlySet<string>,
  read: Map<string, PackageFiles>,
  context: AppContext,
): Promise<Map<string, LoadedPackage>> {
  const { rootDirectory } = request.staged;
  const loaded = new Map<string, LoadedPackage>();
  const { board } = context;
  const placed = layOutPackages(wantedPackages(request, context), board, rootDirectory, excluded);
  const keepsDeclarations = placed.some((entry) => entry.package.realName === 'typescript');
  for (const entry of placed) {
    const key = `${keepsDeclarations} ${entry.devicePath} ${entry.package.directory}`;
    const found =
      read.get(key) ??
      (await packageFiles(entry.package.directory, {
        board,
        keepsDeclarations,
        isWanted: (path) => request.isWanted(`/app/${request.appName}/${entry.devicePath}/${path}`),
      }));
    read.set(key, found);
    loaded.set(entry.devicePath, { ...entry, ...found });
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
        `Cannot add package "${name}" to app "${appName}": it is a directory of your own, not an installed package`,
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
  { ignoredScripts, libraries }: NativeRequest,
  { board }: AppContext,
): Problem | undefined {
  const { nativeBecause, installScript, name } = entry.package;
  if (nativeBecause === undefined || ignoredScripts.has(name)) return undefined;
  const binaries = withPlatformPackages(entry, loaded).flatMap(({ files }) => files.filter(({ elf }) => elf));
  if (binaries.length === 0) {
    const script =
      installScript === undefined
        ? ''
        : `, and its install script, which would make one, runs for this machine only ("${installScript}")`;
    return { text: `it carries no prebuilt add-on for linux-${board.nodeArch} with glibc${script}` };
  }
  // A package may bring its own libraries, and its add-ons find them by their run path.
  const own = [...loaded.values()].flatMap(({ files }) => files.map(({ path }) => posix.basename(path)));
  const available = new Set([...libraries, ...own]);
  const problems = binaries.map(({ path, elf }): Problem | undefined => {
    const problem = elf && dynamicProblem(elf, board, available);
    if (problem === undefined) return undefined;
    const missingLibraries = elf?.needed.filter((library) => !available.has(library)) ?? [];
    return { text: `its "${path}" does not load: ${problem}`, missingLibraries };
  });
  return problems.includes(undefined) ? undefined : problems[0];
}

/** The package and those that carry its binaries for the board. */
function withPlatformPackages(
  entry: LoadedPackage,
  loaded: ReadonlyMap<string, LoadedPackage>,
): LoadedPackage[] {
  const dependencies = entry.dependencies.flatMap((path) => loaded.get(path) ?? []);
  return [entry, ...dependencies.filter((dependency) => isPlatformPackage(dependency.package))];
}

/** A package that brings programs, but none for the board, and shows by nothing else that it cannot do without. */
function foreignOnly(
  entry: LoadedPackage,
  loaded: ReadonlyMap<string, LoadedPackage>,
  { appName, ignoredScripts }: NativeRequest,
  { board }: AppContext,
): string[] {
  const { name, nativeBecause } = entry.package;
  if (nativeBecause !== undefined || ignoredScripts.has(name) || isPlatformPackage(entry.package)) return [];
  const foreign = entry.leftOut.find(({ machine }) => machine !== undefined);
  const hasOwn = withPlatformPackages(entry, loaded).some(({ files }) => files.some(({ elf }) => elf));
  if (foreign?.machine === undefined || hasOwn) return [];
  const { path, machine } = foreign;
  const kind = machine === board.elfMachine ? 'another C library than glibc' : elfMachineName(machine);
  return [
    `package "${name}" of app "${appName}" has programs for other machines only: its "${path}" is for ${kind}`,
  ];
}

function noPrebuilt(
  { appName }: NativeRequest,
  { name, version }: NpmPackage,
  { text, missingLibraries = [] }: Problem,
  { board }: AppContext,
): UserError {
  const [library] = missingLibraries;
  return new UserError(
    `Cannot add package "${name}" ${version} to app "${appName}" for board "${board.id}": ${text}`,
    library !== undefined
      ? { topic: 'native-add-on', hint: libraryHint(appName, name, library, board) }
      : {
          topic: 'native-add-on',
          hint:
            `Use a version of "${name}", or another package, that is published with prebuilt files for linux-${board.nodeArch}. ` +
            `If it works without its native part, list it in apps.${appName}.dependencies.ignoreInstallScripts.`,
        },
  );
}

function libraryHint(appName: string, packageName: string, library: string, board: Board): string {
  return (
    `Put "${library}" for linux-${board.nodeArch}, and the libraries that it needs itself, into a directory "lib", then set ` +
    `apps.${appName}.include to [{ "from": "lib", "to": "lib" }] and apps.${appName}.env to ` +
    `{ "LD_LIBRARY_PATH": "/app/${appName}/lib" }. If "${packageName}" works without its native part, list it in ` +
    `apps.${appName}.dependencies.ignoreInstallScripts.`
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
