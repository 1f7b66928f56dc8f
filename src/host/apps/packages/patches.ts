// What patch-package would do to packages when they are installed: it is run by install scripts, which nobody runs here,
// and a package without its patches is another one than its authors tried. Only what is among the packages is patched.

import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { makeDirectory } from '../../files/make-directory.ts';
import { UserError } from '../../user-error.ts';
import { leadsOut, patchDirectoryOf } from './install-script.ts';
import { readPackageJson } from './package-json.ts';
import { findPackage } from './package-layout.ts';
import { applyHunks, type FileDiff, madeText, parseDiff } from './unified-diff.ts';

interface Patch {
  /** Relative to the directory of who has it. */
  path: string;
  /** Bytes, as latin1. */
  text: string;
  /** The package, behind those that it lies below. */
  packages: readonly string[];
  version: string;
}

const SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare'];

/**
 * The patches of a project, or of a package, whose scripts apply them. Those of a project may lie above it, where it is one of
 * several; what a package brings lies in the package, and nobody's files are searched for what it says of others.
 */
export function patchesOf(directory: string, whose: 'project' | 'package'): Patch[] {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) return [];
  const { scripts = {} } = readPackageJson<{ scripts: Record<string, unknown> }>(path);
  const commands = SCRIPTS.flatMap((name) => scripts[name] ?? [])
    .filter((command) => typeof command === 'string')
    .flatMap((command) => command.split(/&&|\|\||;/))
    .map((command) => patchDirectoryOf(command.trim()));
  const found = commands.find((below) => below !== undefined);
  if (found === undefined || (whose === 'package' && leadsOut(found))) return [];
  return readPatches(directory, found);
}

function readPatches(directory: string, below: string): Patch[] {
  const root = join(directory, below);
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.patch'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted()
    .flatMap((name) => {
      const path = posix.join(below, name);
      const patched = patchedPackage(name);
      return patched ? [{ path, text: readFileSync(join(directory, path), 'latin1'), ...patched }] : [];
    });
}

/** `@a+b++c+1.2.3+001+why.patch`: the first of the patches of c, which lies below @a/b. */
function patchedPackage(name: string): Pick<Patch, 'packages' | 'version'> | undefined {
  const parts = name
    .replace(/(?:\.dev)?\.patch$/, '')
    .split('++')
    .map((part) => /^(@[^+/]+[+/])?([^+/]+?)(?:\+(\d+\.\d+\.\d+[^+]*)(?:\+.*)?)?$/.exec(part));
  const version = parts.at(-1)?.[3];
  if (version === undefined) return undefined;
  const packages = parts.flatMap((part) =>
    part ? [`${part[1]?.replace('+', '/') ?? ''}${part[2] ?? ''}`] : [],
  );
  return packages.length === parts.length ? { packages, version } : undefined;
}

interface PatchRequest {
  appName: string;
  /** The package that brings the patches; undefined for the app's own project. */
  owner: string | undefined;
  patches: readonly Patch[];
  /** Where the packages are searched from, and how far up. */
  directory: string;
  rootDirectory: string;
}

export async function applyPatches(request: PatchRequest): Promise<void> {
  for (const patch of request.patches) {
    const target = findTarget(patch, request);
    if (target !== undefined) await applyPatch(patch, target, request);
  }
}

/**
 * Packages that bring patches for those that they depend on, but for the `ignored` ones. As patch-package, which looks into
 * their own node_modules: what npm has put higher up, for others too, is as it was published, on every computer.
 */
export async function patchForPackages(
  appName: string,
  rootDirectory: string,
  ignored: ReadonlySet<string>,
): Promise<void> {
  // What npm has installed, whatever lock it was given.
  const path = join(rootDirectory, 'node_modules/.package-lock.json');
  if (!existsSync(path)) return;
  const { packages = {} } = readPackageJson<{ packages: Record<string, { hasInstallScript?: boolean }> }>(
    path,
  );
  for (const place of Object.keys(packages).toSorted()) {
    const owner = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (packages[place]?.hasInstallScript !== true || ignored.has(owner)) continue;
    const directory = join(rootDirectory, place);
    const patches = patchesOf(directory, 'package');
    await applyPatches({ appName, owner, patches, directory, rootDirectory: directory });
  }
}

function findTarget({ packages }: Patch, { directory, rootDirectory }: PatchRequest): string | undefined {
  let found: string | undefined = directory;
  for (const name of packages) found = found && findPackage(name, found, rootDirectory);
  return found;
}

async function applyPatch(patch: Patch, target: string, request: PatchRequest): Promise<void> {
  const prefix = `${patch.packages.map((name) => `node_modules/${name}`).join('/')}/`;
  for (const file of parseDiff(patch.text)) {
    // It has no content in the patch; patch-package goes without, too.
    if (file.isBinary) continue;
    const [to, from = to] = [file.path, ...(file.movedFrom === undefined ? [] : [file.movedFrom])].map(
      (path) =>
        path.startsWith(prefix) && !path.split('/').includes('..')
          ? join(target, path.slice(prefix.length))
          : undefined,
    );
    const isDone = to !== undefined && from !== undefined && (await fits(file, from, to));
    if (!isDone) throw unfitting(patch, target, file, request);
  }
}

/** What a patch meets where the package has something else than it says. */
const OTHER_THINGS = new Set([
  'EEXIST',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOTDIR',
  'ERR_INVALID_ARG_VALUE',
]);

/** Whether the file was as the patch says. */
async function fits(file: FileDiff, from: string, to: string): Promise<boolean> {
  try {
    return await changeFile(file, from, to);
  } catch (error) {
    if (OTHER_THINGS.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

async function changeFile(file: FileDiff, from: string, to: string): Promise<boolean> {
  if (file.change === 'make') {
    await makeDirectory(dirname(to));
    writeFileSync(to, madeText(file.hunks), { encoding: 'latin1' });
  } else {
    const stats = statSync(from, { throwIfNoEntry: false });
    if (stats?.isFile() !== true) return false;
    const text = applyHunks(readFileSync(from, 'latin1'), file.hunks);
    if (text === undefined) return false;
    if (file.change === 'remove' || from !== to) rmSync(from);
    if (file.change === 'remove') return true;
    await makeDirectory(dirname(to));
    writeFileSync(to, text, { encoding: 'latin1', mode: stats.mode });
  }
  if (file.isExecutable !== undefined) chmodSync(to, file.isExecutable ? 0o755 : 0o644);
  return true;
}

function unfitting(
  patch: Patch,
  target: string,
  file: FileDiff,
  { appName, owner }: PatchRequest,
): UserError {
  const name = patch.packages.at(-1) ?? '';
  const { version = '?' } = readPackageJson<{ version: string }>(join(target, 'package.json'));
  const [made, of] = [
    version === patch.version ? '' : `; it was made for ${patch.version}`,
    owner === undefined ? '' : ` of package "${owner}"`,
  ];
  return new UserError(
    `Cannot install the packages of app "${appName}": patch "${patch.path}"${of} does not apply to "${file.path}" of ${name} ${version}${made}`,
    {
      topic: 'npm-packages',
      hint:
        owner === undefined
          ? `Make it anew for ${name} ${version} with "npx patch-package ${patch.packages.join('/')}", or remove it.`
          : `Use a version of "${owner}" or of "${name}" whose patch fits. If the program works without, list "${owner}" in apps.${appName}.dependencies.ignoreInstallScripts.`,
    },
  );
}
