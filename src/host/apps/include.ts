// The `include` entries of an app: files of the instance that are copied into the image beside the program
// or to an absolute place. Symbolic links to files are copied as the files; permissions become 0755 or 0644.

import { globSync, lstatSync, readdirSync, realpathSync, statSync, type Stats } from 'node:fs';
import { isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import type { RootEntry, RootFile } from '../root-tree.ts';
import { STATE_DIRECTORY_NAME } from '../config/instance.ts';
import { UserError } from '../user-error.ts';
import type { AppConfig, AppInclude } from '../config/app-config.ts';

export interface Includes {
  entries: RootEntry[];
  inputs: string[];
}

/**
 * Directories in which an absolute target may lie, besides the app's own. All else belongs to the image or the
 * device.
 */
const ALLOWED_ROOTS = ['/etc', '/opt', '/srv', '/usr/local', '/usr/share'];
const RESERVED = ['/etc/tskrazy', '/usr/share/licenses'];

export function collectIncludes(app: AppConfig, instanceDirectory: string): Includes {
  const files = app.include.flatMap((include) => {
    const target = targetPath(app.name, include);
    return findFiles(app.name, include, instanceDirectory).map((found) => ({
      from: found.path,
      to: joinTarget(target, include.to, found),
      stats: found.stats,
    }));
  });
  return {
    entries: files.map(({ from, to, stats }): RootFile => ({
      kind: 'file',
      path: to,
      // The file's own bits do not count: they differ with the umask of whoever checked it out.
      mode: stats.mode & 0o111 ? 0o755 : 0o644,
      layer: `app:${app.name}`,
      origin: `app ${app.name}`,
      content: { kind: 'path', path: from, sizeBytes: stats.size },
    })),
    inputs: files.map(({ from }) => from),
  };
}

/** The absolute device path that an include's target names. */
function targetPath(appName: string, include: AppInclude): string {
  const appDirectory = `/app/${appName}`;
  const { to } = include;
  const refuse = (problem: string): UserError =>
    new UserError(`Cannot include "${include.from}" in app "${appName}": its target "${to}" ${problem}`, {
      hint:
        `Use a path relative to the app's directory (${appDirectory}), or one below ` +
        `${ALLOWED_ROOTS.join(', ')}.`,
    });
  if (to === '') throw refuse('is empty');
  if (to.includes('\0') || to.includes('\\'))
    throw refuse('has a character that paths in an image cannot have');
  if (to.split('/').includes('..')) throw refuse('contains ".."');
  const path = posix.resolve(appDirectory, to);
  if (isWithin(path, appDirectory)) return path;
  const reserved = RESERVED.find((root) => isWithin(path, root));
  if (reserved !== undefined) throw refuse(`lies in ${reserved}, which the image fills itself`);
  if (!ALLOWED_ROOTS.some((root) => isWithin(path, root))) {
    const top = `/${path.split('/')[1] ?? ''}`;
    throw refuse(`lies in ${top}, which belongs to the system`);
  }
  return path;
}

interface FoundFile {
  path: string;
  stats: Stats;
  /** Relative to what the include names; empty when it names the file itself. */
  name: string;
}

/** A directory's files and a glob's matches go below the target; a single file is the target unless that ends in "/". */
function joinTarget(target: string, written: string, { name, path }: FoundFile): string {
  if (name !== '') return posix.join(target, name);
  const isDirectory = written.endsWith('/') || /(?:^|\/)\.$/.test(written);
  return isDirectory ? posix.join(target, posix.basename(path.replaceAll(sep, '/'))) : target;
}

function findFiles(appName: string, { from }: AppInclude, instanceDirectory: string): FoundFile[] {
  const nothing = (problem: string): UserError =>
    new UserError(`Cannot include "${from}" in app "${appName}": ${problem}`, {
      hint: `Paths and globs are relative to ${instanceDirectory}.`,
    });
  const plain = resolve(instanceDirectory, from);
  const stats = statSync(plain, { throwIfNoEntry: false });
  if (isPrivate(plain, instanceDirectory)) throw privateFile(appName, from);
  if (stats?.isFile()) return [{ path: plain, stats, name: '' }];
  if (stats?.isDirectory()) {
    const found = filesBelow(plain);
    if (found.length === 0) throw nothing('the directory has no files');
    return found
      .filter((path) => !isPrivate(path, instanceDirectory))
      .map((path) => foundBelow(plain, path, appName));
  }
  if (stats) throw nothing('it is not a regular file');
  if (!/[*?[{]/.test(from)) throw nothing('there is no such file or directory');
  const base = resolve(instanceDirectory, fixedPart(from));
  const matches = globSync(from, { cwd: instanceDirectory })
    .map((path) => (isAbsolute(path) ? path : join(instanceDirectory, path)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .filter((path) => !isPrivate(path, instanceDirectory))
    .toSorted();
  if (matches.length === 0) throw nothing('no file matches');
  return matches.map((path) => foundBelow(base, path, appName));
}

/** Who can read an image must not find the key that signs its updates, nor the password; not by a link either. */
function isPrivate(path: string, instanceDirectory: string): boolean {
  if (isBelowState(path, instanceDirectory)) return true;
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return false;
  return isBelowState(realpathSync.native(path), realpathSync.native(instanceDirectory));
}

function isBelowState(path: string, instanceDirectory: string): boolean {
  return relative(instanceDirectory, path).split(sep).includes(STATE_DIRECTORY_NAME);
}

function privateFile(appName: string, from: string): UserError {
  return new UserError(
    `Cannot include "${from}" in app "${appName}": what is in "${STATE_DIRECTORY_NAME}" is private`,
    { hint: 'Put what the app needs elsewhere in the directory of the instance.' },
  );
}

/** The directories before the first wildcard: `assets/icons/*.svg` -> `assets/icons`. */
function fixedPart(glob: string): string {
  const parts = glob.split('/');
  return (
    parts
      .slice(
        0,
        parts.findIndex((part) => /[*?[{]/.test(part)),
      )
      .join('/') || '.'
  );
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => name !== STATE_DIRECTORY_NAME)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

function foundBelow(base: string, path: string, appName: string): FoundFile {
  // What Node.js puts for bytes that are no UTF-8: the file is there, but not by this name.
  if (path.includes('\uFFFD') && lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new UserError(`Cannot include "${path}" in app "${appName}": its name is not UTF-8`, {
      hint: 'Rename the file.',
    });
  }
  const stats = statSync(path, { throwIfNoEntry: false });
  const isLink = lstatSync(path).isSymbolicLink();
  if (!stats?.isFile()) {
    const kind = isLink ? 'a symbolic link that leads to no file' : 'not a regular file';
    throw new UserError(`Cannot include "${path}" in app "${appName}": it is ${kind}`);
  }
  return { path, stats, name: relative(base, path).replaceAll(sep, '/') };
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
