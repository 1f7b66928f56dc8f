// The files that one `include` entry stands for.

import { globSync, lstatSync, readdirSync, realpathSync, statSync, type Stats } from 'node:fs';
import { isAbsolute, join, matchesGlob, relative, resolve, sep } from 'node:path';
import type { AppInclude } from '../config/app-config.ts';
import { STATE_DIRECTORY_NAME } from '../config/instance.ts';
import { UserError } from '../user-error.ts';
import type { DotNames, LeaveOutReason, OwnFiles } from './own-files.ts';

export interface FoundFile {
  path: string;
  stats: Stats;
  /** Relative to what the include names; empty when it names the file itself. */
  name: string;
  /** Of a link to a directory, that directory: relative to what the include names. */
  linkTo?: string;
}

export interface Found {
  files: FoundFile[];
  /** Files, and directories as a whole, that are covered and not taken. */
  leftOut: Map<string, LeaveOutReason>;
}

export interface Search {
  appName: string;
  instanceDirectory: string;
  own: OwnFiles;
}

/** An include entry, and where its walk is. */
interface Walk extends Search {
  include: AppInclude;
  base: string;
  dot: DotNames;
  leftOut: Map<string, LeaveOutReason>;
}

export function findFiles(include: AppInclude, search: Search): Found {
  const { appName, instanceDirectory, own } = search;
  const { from, dot = false } = include;
  const plain = resolve(instanceDirectory, from);
  const stats = statSync(plain, { throwIfNoEntry: false });
  if (own.isState(plain)) throw privateFile(appName, from);
  const walk: Walk = { ...search, include, base: plain, dot: dotNames(dot), leftOut: new Map() };
  if (stats !== undefined) refuseStrayLink(plain, walk);
  if (stats?.isFile()) return { files: [{ path: plain, stats, name: '' }], leftOut: walk.leftOut };
  if (stats?.isDirectory()) return takeAll(filesBelow(plain, walk), 'the directory has no files', walk);
  if (stats) throw nothing(walk, 'it is not a regular file');
  if (!/[*?[{]/.test(from)) throw nothing(walk, 'there is no such file or directory');
  const base = resolve(instanceDirectory, fixedPart(from));
  return takeMatches({ ...walk, base, dot: (name) => walk.dot === true || namesDot(from, name) });
}

function dotNames(dot: boolean | readonly string[]): DotNames {
  return typeof dot === 'boolean' ? dot : (name) => dot.includes(name);
}

/** As in a shell, a pattern stands for names with a dot when it has the dot itself. */
function namesDot(glob: string, name: string): boolean {
  return glob.split('/').some((part) => /(?:^|[{,])\./.test(part) && matchesGlob(name, part));
}

function takeMatches(walk: Walk): Found {
  const { instanceDirectory, include, base, dot, own, leftOut } = walk;
  const matches = globSync(include.from, { cwd: instanceDirectory })
    .map((path) => (isAbsolute(path) ? path : join(instanceDirectory, path)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .filter((path) => !own.isState(path))
    .filter((path) => {
      const reason = own.reasonToLeaveOut(path, base, dot);
      if (reason !== undefined) leftOut.set(path, reason);
      return reason === undefined;
    });
  return takeAll(matches.toSorted(), 'no file matches', walk);
}

function takeAll(paths: readonly string[], whenNone: string, walk: Walk): Found {
  if (paths.length === 0) {
    throw nothing(walk, walk.leftOut.size > 0 ? 'all that it stands for is left out' : whenNone);
  }
  for (const path of paths) refuseStrayLink(path, walk);
  return { files: paths.map((path) => foundBelow(path, walk)), leftOut: walk.leftOut };
}

function nothing({ include, appName, instanceDirectory, leftOut }: Walk, problem: string): UserError {
  const names = [...leftOut.keys()].map((path) => `"${relative(instanceDirectory, path)}"`);
  return new UserError(`Cannot include "${include.from}" in app "${appName}": ${problem}`, {
    hint:
      names.length > 0
        ? `Name ${names.slice(0, 3).join(', ')} by itself, or give "dot": true for names with a dot; secrets go by "secrets".`
        : `Paths and globs are relative to ${instanceDirectory}.`,
  });
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

function filesBelow(directory: string, walk: Walk): string[] {
  const { own, base, dot, leftOut, include } = walk;
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => name !== STATE_DIRECTORY_NAME)
    .filter(({ name }) => include.except?.has(relative(base, join(directory, name))) !== true)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (own.isState(path)) return [];
      const reason = own.reasonToLeaveOut(path, base, dot);
      if (reason !== undefined) {
        leftOut.set(path, reason);
        return [];
      }
      return entry.isDirectory() ? filesBelow(path, walk) : [path];
    });
}

function foundBelow(path: string, { base, appName, include }: Walk): FoundFile {
  // What Node.js puts for bytes that are no UTF-8: the file is there, but not by this name.
  if (path.includes('\uFFFD') && lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new UserError(`Cannot include "${path}" in app "${appName}": its name is not UTF-8`, {
      hint: 'Rename the file.',
    });
  }
  const stats = statSync(path, { throwIfNoEntry: false });
  const isLink = lstatSync(path).isSymbolicLink();
  const name = relative(base, path).replaceAll(sep, '/');
  if (include.links === true && isLink && stats?.isDirectory() === true) {
    const linkTo = relative(realpathSync(base), realpathSync(path)).replaceAll(sep, '/');
    if (linkTo !== '' && !linkTo.startsWith('..')) return { path, stats, name, linkTo };
  }
  if (!stats?.isFile()) {
    const kind = isLink ? 'a symbolic link that leads to no file' : 'not a regular file';
    throw new UserError(`Cannot include "${path}" in app "${appName}": it is ${kind}`);
  }
  return { path, stats, name };
}

/** What somebody else's directory has as a link to a file of this computer would be read by all who get the image. */
function refuseStrayLink(path: string, { appName, base, own }: Walk): void {
  // foundBelow tells of those that are not there.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  const target = own.strayTarget(path, base);
  // A place outside that is named as such, and is what it is called.
  if (target === undefined || target === path) return;
  throw new UserError(
    `Cannot include "${path}" in app "${appName}": a symbolic link leads from there to "${target}", outside of the instance`,
    { hint: `Copy the file into the instance, or name "${target}" itself in "include".` },
  );
}

function privateFile(appName: string, from: string): UserError {
  return new UserError(
    `Cannot include "${from}" in app "${appName}": what is in "${STATE_DIRECTORY_NAME}" is private`,
    { hint: 'Put what the app needs elsewhere in the directory of the instance.' },
  );
}
