// The packages of an app, as files of /app/NAME/node_modules for the board, and the check that each of them really has
// its native code there.

import { posix } from 'node:path';
import { elfMachineName } from '../../../formats/elf.ts';
import type { Board } from '../../../shared/board/boards.ts';
import type { NodeLine } from '../../../shared/services/node-lines.ts';
import type { RootEntry, RootFile } from '../../root-tree.ts';
import { UserError } from '../../user-error.ts';
import type { AppContext } from '../app-context.ts';
import { type LeftOutOfPackage, packageOrigin } from '../left-out.ts';
import { canCompile, type CompiledPackage, compilePackage } from '../compile/compile-package.ts';
import { addonMismatch } from './addon-tags.ts';
import { binLinks, placedBins } from './bin-links.ts';
import { nodeOfApp, otherNodes } from './app-node.ts';
import { leftOutTools } from './left-out-tools.ts';
import type { OwnAddons } from './own-addons.ts';
import { isPlatformPackage, type NpmPackage } from './npm-package.ts';
import { packageFiles, type PackageFiles } from './package-files.ts';
import type { PlacedPackage } from './package-layout.ts';
import { dynamicProblem } from '../program-file.ts';

export interface NativeModules {
  entries: RootEntry[];
  warnings: string[];
  leftOut: LeftOutOfPackage[];
  /** The packages that go to the device. */
  packages: NpmPackage[];
  /** Hashes of what was compiled, as the lock has them. */
  compiled: Record<string, string>;
}

export interface NativeRequest {
  appName: string;
  /** Absent: the image's. */
  nodeVersion: NodeLine | undefined;
  /** The packages and their places; `excluded`: directories of packages to do without. */
  layOut: (excluded: ReadonlySet<string>) => PlacedPackage[];
  /** Names of packages that do without their install script. */
  ignoredScripts: ReadonlySet<string>;
  /** Whether the binary for another machine at this path of the device is wanted. */
  isWanted: (path: string) => boolean;
  /** Whether nothing is left out of the packages. */
  keepsAll: boolean;
  /** File names of the libraries that the app finds on the device, beside those of its packages. */
  libraries: ReadonlySet<string>;
  /** Files of the person's own for packages that bring none for the board. */
  addons: OwnAddons;
  /** Whether packages that bring none are compiled. */
  compiles: boolean;
}

interface LoadedPackage extends PlacedPackage, PackageFiles {}

interface Problem {
  text: string;
  /** Libraries, where they are all that the add-on lacks. */
  missingLibraries?: readonly string[];
  /** Its add-ons are for the board, but not for the Node.js of the app. */
  isForOtherNode?: boolean;
  /** That for which they are. */
  fitting?: NodeLine | undefined;
}

export async function nativeModules(request: NativeRequest, context: AppContext): Promise<NativeModules> {
  const warnings: string[] = [];
  const excluded = new Set<string>();
  const read = new Map<string, PackageFiles>();
  /** By their directories. */
  const compiled = new Map<string, CompiledPackage>();
  for (;;) {
    const loaded = await loadPackages(request, { excluded, read, compiled }, context);
    const missing = [...loaded.values()].flatMap((entry) => {
      const problem = missingBinary(entry, loaded, request, context);
      return problem === undefined ? [] : [{ ...entry, problem }];
    });
    if (missing.length === 0) {
      const all = [...loaded.values()];
      return {
        entries: [
          ...all.flatMap((entry) => rootFiles(entry, request.appName)),
          ...binLinks(request.appName, all),
        ],
        // One package may lie in several places.
        warnings: [
          ...new Set([...warnings, ...all.flatMap((entry) => foreignOnly(entry, loaded, request, context))]),
        ],
        leftOut: [
          ...all.flatMap(({ leftOut, package: { name: packageName } }) =>
            leftOut.map((file) => ({ ...file, packageName })),
          ),
          ...leftOutTools(all.map((entry) => entry.package)),
        ],
        packages: all.map((entry) => entry.package),
        compiled: Object.fromEntries([...compiled.values()].map(({ key, sha256 }) => [key, sha256])),
      };
    }
    const next = request.compiles
      ? missing.find((each) => canCompile(each.package) && !compiled.has(each.package.directory))
      : undefined;
    if (next !== undefined) {
      compiled.set(next.package.directory, await compilePackage(request, next.package, context));
      continue;
    }
    const optional = missing.find(({ isOptional }) => isOptional);
    if (optional === undefined) throw noPrebuilts(request, missing, context);
    const { package: found, problem } = optional;
    warnings.push(`package "${found.name}" of app "${request.appName}" is left out: ${problem.text}`);
    // Once more: what only that package depends on stays out too.
    excluded.add(found.directory);
  }
}

interface Rounds {
  excluded: ReadonlySet<string>;
  /** What was read in an earlier round. */
  read: Map<string, PackageFiles>;
  compiled: ReadonlyMap<string, CompiledPackage>;
}

async function loadPackages(
  request: NativeRequest,
  { excluded, read, compiled }: Rounds,
  context: AppContext,
): Promise<Map<string, LoadedPackage>> {
  const loaded = new Map<string, LoadedPackage>();
  const { board } = context;
  const placed = request.layOut(excluded);
  const keepsDeclarations = placed.some((entry) => entry.package.realName === 'typescript');
  for (const entry of placed) {
    const key = `${keepsDeclarations} ${entry.devicePath} ${entry.package.directory}`;
    const found =
      read.get(key) ??
      (await packageFiles(entry.package.directory, {
        board,
        keepsDeclarations,
        keepsAll: request.keepsAll,
        isWanted: (path) => request.isWanted(`/app/${request.appName}/${entry.devicePath}/${path}`),
      }));
    read.set(key, found);
    const own = [
      ...(compiled.get(entry.package.directory)?.files ?? []),
      ...(request.addons.get(entry.package.name) ?? []),
    ];
    const replaced = new Set(own.map(({ path }) => path));
    const files = [...found.files.filter(({ path }) => !replaced.has(path)), ...own];
    loaded.set(entry.devicePath, { ...entry, ...found, files });
  }
  return loaded;
}

/** Why a package that should have native code for the board has none that loads; undefined when it has. */
function missingBinary(
  entry: LoadedPackage,
  loaded: ReadonlyMap<string, LoadedPackage>,
  { nodeVersion, ignoredScripts, libraries }: NativeRequest,
  context: AppContext,
): Problem | undefined {
  const { nativeBecause, installScript, name } = entry.package;
  if (nativeBecause === undefined || ignoredScripts.has(name)) return undefined;
  const { board } = context;
  const binaries = withPlatformPackages(entry, loaded).flatMap(({ files }) => files.filter(({ elf }) => elf));
  if (binaries.length === 0) {
    const script =
      installScript === undefined
        ? ''
        : `, and its install script, which would make one, runs for this machine only ("${installScript}")`;
    return { text: `it carries no prebuilt add-on for linux-${board.nodeArch} with glibc${script}` };
  }
  const node = nodeOfApp({ nodeVersion }, context);
  const mismatches = binaries
    .filter(({ path }) => path.endsWith('.node'))
    .map(({ path }) => ({ path, mismatch: addonMismatch(path, board, node) }));
  const [first] = mismatches;
  if (first?.mismatch !== undefined && mismatches.every(({ mismatch }) => mismatch !== undefined))
    return {
      text: `its "${first.path}" does not load: ${first.mismatch}`,
      isForOtherNode: true,
      fitting: otherNodes({ nodeVersion }, context).find((other) =>
        mismatches.some(({ path }) => addonMismatch(path, board, other) === undefined),
      )?.line,
    };
  const unfit = new Set(mismatches.flatMap(({ path, mismatch }) => (mismatch === undefined ? [] : [path])));
  // A package may bring its own libraries, and its add-ons find them by their run path.
  const own = [...loaded.values()].flatMap(({ files }) => files.map(({ path }) => posix.basename(path)));
  const available = new Set([...libraries, ...own]);
  const fit = binaries.filter(({ path }) => !unfit.has(path));
  const problems = fit.map(({ path, elf }): Problem | undefined => {
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

/** All at once: who mends one should know of the others. */
function noPrebuilts(
  request: NativeRequest,
  missing: readonly { package: NpmPackage; problem: Problem }[],
  context: AppContext,
): UserError {
  const { appName } = request;
  const errors = missing.map(({ package: found, problem }) => noPrebuilt(request, found, problem, context));
  // One package may lie in several places.
  const messages = [...new Set(errors.map(({ message }) => message))];
  const [first] = errors;
  if (first !== undefined && messages.length === 1) return first;
  const names = [...new Set(missing.map((each) => `"${each.package.name}"`))].join(', ');
  return new UserError(messages.join('\n'), {
    topic: 'native-add-on',
    hint:
      `Use versions, or other packages, that are published with prebuilt files for linux-${context.board.nodeArch}. ` +
      `Those of ${names} without which "${appName}" works go into apps.${appName}.dependencies.ignoreInstallScripts.`,
  });
}

function noPrebuilt(
  { appName }: NativeRequest,
  found: NpmPackage,
  { text, missingLibraries = [], isForOtherNode = false, fitting }: Problem,
  { board }: AppContext,
): UserError {
  const { name, version } = found;
  const [library] = missingLibraries;
  const other =
    fitting === undefined
      ? ''
      : ` apps.${appName}.nodeVersion: "${fitting}" gives it the Node.js that they are for.`;
  const compiling = canCompile(found) ? ` apps.${appName}.compile compiles it on this computer.` : '';
  return new UserError(
    `Cannot add package "${name}" ${version} to app "${appName}" for board "${board.id}": ${text}`,
    library !== undefined
      ? { topic: 'native-add-on', hint: libraryHint(appName, name, library, board) }
      : {
          topic: 'native-add-on',
          hint:
            `Use a version of "${name}", or another package, that is published with prebuilt files for linux-${board.nodeArch}` +
            `${isForOtherNode ? ', for this Node.js or with Node-API' : ''}.${other} If it works without its native part, list it in ` +
            `apps.${appName}.dependencies.ignoreInstallScripts.${compiling} What you have built yourself goes into apps.${appName}.addons.`,
        },
  );
}

/** What has a library in Debian is called like the library (Debian Policy, 8.1), but for exceptions. */
function debianPackageOf(library: string): string {
  const [, name = library, version = ''] = /^(.*)\.so\.(\d+)/.exec(library) ?? [];
  const joint = /\d$/.test(name) ? '-' : '';
  return `${name}${joint}${version}`.toLowerCase().replaceAll('_', '-');
}

function libraryHint(appName: string, packageName: string, library: string, board: Board): string {
  return (
    `Set apps.${appName}.libraries to ["${debianPackageOf(library)}"], or to what Debian's package with "${library}" is called ` +
    `otherwise, or include the file for linux-${board.nodeArch}. If "${packageName}" works without its native part, ` +
    `list it in apps.${appName}.dependencies.ignoreInstallScripts.`
  );
}

function rootFiles(entry: LoadedPackage, appName: string): RootFile[] {
  const { devicePath, files, package: found } = entry;
  const programs = new Set(placedBins(entry).values());
  return files.map(({ path, hostPath, sizeBytes, isExecutable }) => ({
    kind: 'file',
    path: `/app/${appName}/${devicePath}/${path}`,
    // Tarballs made elsewhere may not say so.
    mode: isExecutable || programs.has(path) ? 0o755 : 0o644,
    layer: `app:${appName}`,
    origin: packageOrigin(appName, found.name),
    content: { kind: 'path', path: hostPath, sizeBytes },
  }));
}
