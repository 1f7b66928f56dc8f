// tskrazy.lock.json: the exact version and hash of every component, per board, and of Go programs by import path and npm programs with all their packages.
// Written by `tsk get`, committed with the instance, so that everybody builds the same image.

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { BOARD_IDS, type BoardId } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';
import { COMPONENT_NAMES, type ComponentName } from './component.ts';
import { type LockedNpmProgram, lockedNpmProgram } from './locked-npm-tree.ts';
import { makeDirectory } from '../files/make-directory.ts';
import { writeProblem } from '../files/write-problem.ts';

export const LOCK_FILE_NAME = 'tskrazy.lock.json';

const text = v.pipe(v.string(), v.nonEmpty());
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in lower-case hexadecimal'));
/** A path that is joined to a mirror's address: nothing in it may climb out. */
const archivePath = v.pipe(text, v.regex(/^(?!.*(^|\/)\.\.(\/|$))[^/?#][^?#]*$/, 'is no relative path'));

const goModule = v.strictObject({
  source: v.literal('go-module'),
  version: text,
  module: text,
  /** `h1:` hash of the module's zip file, as in go.sum. */
  sum: v.pipe(v.string(), v.regex(/^h1:[A-Za-z0-9+/]{43}=$/, 'is no "h1:" hash')),
});
const npmPackage = v.strictObject({
  source: v.literal('npm'),
  version: text,
  package: text,
  /** Subresource Integrity of the package's tarball, as in package-lock.json. */
  integrity: v.pipe(v.string(), v.regex(/^sha512-[A-Za-z0-9+/]{86}==$/, 'is no "sha512-" integrity')),
});
const debianPackage = v.strictObject({
  name: text,
  version: text,
  /** Place in a Debian archive, below its root: for TSK_DEBIAN_MIRROR. */
  path: archivePath,
  sizeBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  sha256,
});
const debian = v.strictObject({
  source: v.literal('debian'),
  /** Version of the package that gives the component its name. */
  version: text,
  packages: v.pipe(v.array(debianPackage), v.minLength(1)),
});
const goProgram = v.strictObject({
  version: text,
  module: text,
  sum: goModule.entries.sum,
});
const component = v.variant('source', [goModule, npmPackage, debian]);

export type LockedGoModule = v.InferOutput<typeof goModule>;
export type LockedNpmPackage = v.InferOutput<typeof npmPackage>;
export type LockedDebianPackage = v.InferOutput<typeof debianPackage>;
export type LockedDebian = v.InferOutput<typeof debian>;
export type LockedGoProgram = v.InferOutput<typeof goProgram>;
export type LockedComponent = v.InferOutput<typeof component>;
export type LockedBoard = Partial<Record<ComponentName, LockedComponent>>;

export interface Lock {
  formatVersion: 1;
  /** When a component last changed: the build time of images where SOURCE_DATE_EPOCH is not set. */
  createdAtSec: number;
  boards: Partial<Record<BoardId, LockedBoard>>;
  /** Packages of Debian that were asked for with `tsk ssh --with`, by name. */
  tools?: Partial<Record<BoardId, Record<string, LockedDebian>>>;
  /** Programs by import path and version as in tskrazy.json: what `@latest` is. */
  goPrograms?: Record<string, LockedGoProgram>;
  /** Trees of npm programs by what apps ask for: names and ranges, the program first. */
  npmPrograms?: Record<string, LockedNpmProgram>;
  /** Packages of shared libraries by Debian's name of the architecture and what apps ask for: `arm64 libusb-1.0-0`. */
  libraries?: Record<string, LockedDebian>;
  /** SHA-256 of add-ons that were compiled, by architecture, package and version: `arm64 unix-dgram@2.0.7`, `arm64 node-22 epoll@4.0.2`. */
  compiled?: Record<string, string>;
}

const boardSchema = v.strictObject(optionalEach(COMPONENT_NAMES, component));
const lockSchema = v.strictObject({
  formatVersion: v.literal(1),
  createdAtSec: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  boards: v.strictObject(optionalEach(BOARD_IDS, boardSchema)),
  tools: v.exactOptional(v.strictObject(optionalEach(BOARD_IDS, v.record(text, debian)))),
  goPrograms: v.exactOptional(v.record(text, goProgram)),
  npmPrograms: v.exactOptional(v.record(text, lockedNpmProgram)),
  libraries: v.exactOptional(v.record(text, debian)),
  compiled: v.exactOptional(v.record(text, sha256)),
});

function optionalEach<K extends string, S extends v.GenericSchema>(keys: readonly K[], schema: S) {
  return Object.fromEntries(keys.map((key) => [key, v.exactOptional(schema)])) as Record<
    K,
    v.ExactOptionalSchema<S, undefined>
  >;
}

/** `undefined` when there is no lock file yet. */
export async function readLockFile(path: string): Promise<Lock | undefined> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UserError(`Cannot read lock file "${path}": ${(error as Error).message}`, { cause: error });
  }
  return parseLock(content, path);
}

export function parseLock(content: string, path: string): Lock {
  const hint = 'Restore the file from version control, or delete it and run "tsk get"';
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (error) {
    throw new UserError(`Cannot read lock file "${path}": ${(error as Error).message}`, {
      hint,
      cause: error,
    });
  }
  const version = (json as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === 'number' && version > 1) {
    throw new UserError(
      `Cannot read lock file "${path}": it has format version ${version}, but this tsk knows version 1`,
      { hint: 'Install a newer tskrazy' },
    );
  }
  const result = v.safeParse(lockSchema, json, { abortEarly: true });
  if (!result.success) {
    const issue = result.issues[0];
    const where = v.getDotPath(issue) ?? 'the file';
    throw new UserError(`Cannot read lock file "${path}": ${where}: ${describeIssue(issue)}`, { hint });
  }
  return result.output;
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'the key is not known';
  if (issue.received === 'undefined') return 'is missing';
  if (issue.type === 'regex') return `${issue.received} ${issue.message}`;
  return `expected ${issue.expected ?? 'another value'}, got ${issue.received}`;
}

/** Writes the lock whole or not at all. */
export async function writeLockFile(path: string, lock: Lock): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await makeDirectory(dirname(path));
    await writeFile(temporary, stringifyLock(lock));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {
      // The error that matters is the first one.
    });
    const act = `Cannot write lock file "${path}"`;
    if (error instanceof UserError) throw new UserError(act, { cause: error });
    throw new UserError(`${act}: ${writeProblem(error) ?? (error as Error).message}`, { cause: error });
  }
}

/** One text for one content, whatever the order in which the objects were built. */
export function stringifyLock(lock: Lock): string {
  return `${JSON.stringify(sortKeys(lock), null, 2)}\n`;
}

/** The same for a part of a lock, on one line: equal texts mean equal parts. */
export function stringifyValue(value: unknown): string {
  return JSON.stringify(sortKeys(value));
}

/** Keys that say what a thing is come first, the others by alphabet. */
const FIRST_KEYS = ['formatVersion', 'createdAtSec', 'source', 'name', 'version'];

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

function rank(key: string): number {
  const index = FIRST_KEYS.indexOf(key);
  return index < 0 ? FIRST_KEYS.length : index;
}
