// The tree of an npm program in the lock: entries of npm's own lock file, without what does not bear on the tree. Nothing
// in it may lead npm anywhere else: to files outside of the tree, or to packages of which the lock has no hash.

import * as v from 'valibot';

/** Below the directory in which npm works; `node_modules/a/lib/b` is a directory that package a links to. */
const TREE_PATH = /^node_modules(?:\/(?!\.{1,2}(?:\/|$))[^/\\]+)+$/;
const INTEGRITY = /^sha\d+-[A-Za-z0-9+/]+=*$/;

const treePath = v.pipe(v.string(), v.regex(TREE_PATH, 'is no path of a package'));
const lockedPackage = v.looseObject({
  version: v.exactOptional(v.pipe(v.string(), v.nonEmpty())),
  resolved: v.exactOptional(v.string()),
  integrity: v.exactOptional(v.pipe(v.string(), v.regex(INTEGRITY, 'is no integrity'))),
  link: v.exactOptional(v.boolean()),
  inBundle: v.exactOptional(v.boolean()),
});

type LockedNpmPackage = v.InferOutput<typeof lockedPackage>;
/** By path below the directory of the tree: `node_modules/a/node_modules/b`. */
export type LockedNpmPackages = Record<string, LockedNpmPackage>;

export const lockedNpmProgram = v.strictObject({
  packages: v.pipe(
    v.record(treePath, lockedPackage),
    v.check(
      (packages) => Object.entries(packages).every(([path, entry]) => isPinned(path, entry)),
      'has a package without integrity',
    ),
  ),
});

export interface LockedNpmProgram {
  packages: LockedNpmPackages;
}

/** By its own hash, or as a part of a package that has one. */
export function isPinned(path: string, { resolved, integrity, link, inBundle }: LockedNpmPackage): boolean {
  if (link === true) return TREE_PATH.test(resolved ?? '');
  if (inBundle === true || !/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path))
    return resolved === undefined;
  return integrity !== undefined;
}
