// Which of a person's files an image may take when a directory or a pattern covers them: all but those in which people
// keep what is nobody else's. `include` and finished builds go by it. What is named by itself is taken, a key too; but
// never what is in .tskrazy, nor what a link brings from somewhere else.

import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { hasSecretInAddress } from '../../shared/text/mask-secrets.ts';
import { STATE_DIRECTORY_NAME } from '../config/instance.ts';
import { isPrivateKeyFile } from './private-key.ts';

const IGNORE_NAME = '.tskrazyignore';

/** In the order in which the build tells them. */
export const LEAVE_OUT_REASONS = ['dot', 'key', 'password', 'configuration', 'ignored'] as const;
export type LeaveOutReason = (typeof LEAVE_OUT_REASONS)[number];

/** Notes of package managers: they may have addresses with passwords, and no program reads them. */
const NOTES_IN_MODULES: ReadonlySet<string> = new Set([
  '.modules.yaml',
  '.npmrc',
  '.package-lock.json',
  '.yarn-integrity',
  '.yarn-state.yml',
]);

/** Package managers write into these where a package comes from. */
const NAMES_OF_ADDRESS_LISTS: ReadonlySet<string> = new Set([
  'bun.lock',
  'npm-shrinkwrap.json',
  'package-lock.json',
  'package.json',
  'pnpm-lock.yaml',
  'yarn.lock',
]);

/** The dot names that are wanted: all, none, or by name. */
export type DotNames = boolean | ((name: string) => boolean);

export class OwnFiles {
  readonly #instance: string;
  readonly #realInstance: string;
  readonly #ignored: Ignore | undefined;

  constructor(instanceDirectory: string) {
    this.#instance = instanceDirectory;
    this.#realInstance = realpathSync.native(instanceDirectory);
    this.#ignored = readIgnoreFile(instanceDirectory);
  }

  /** Who can read an image must not find the key that signs its updates, nor the password; not by a link either. */
  isState(path: string): boolean {
    if (isBelowState(path, this.#instance)) return true;
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return false;
    return isBelowState(realpathSync.native(path), this.#realInstance);
  }

  /**
   * Where a link leads that is `path` or on the way to it, when that is outside; undefined otherwise. `base`, which the
   * person named, may lie elsewhere, and what lies in it is not outside.
   */
  strayTarget(path: string, base: string): string | undefined {
    const target = realpathSync.native(path);
    if (isWithin(target, this.#realInstance)) return undefined;
    if (!isWithin(base, this.#instance) && isWithin(target, realpathSync.native(base))) return undefined;
    return target;
  }

  /** Why a file or directory below `base` is not taken. */
  reasonToLeaveOut(path: string, base: string, dot: DotNames): LeaveOutReason | undefined {
    const reason = this.#reasonByName(path, base, dot);
    if (reason !== undefined) return reason;
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    // A harmless name may be that of a link.
    const target = lstatSync(path).isSymbolicLink() ? realpathSync.native(path) : undefined;
    const from = [realpathSync.native(base), this.#realInstance].find(
      (directory) => target !== undefined && isWithin(target, directory),
    );
    const byTarget = target && from ? this.#reasonByName(target, from, dot) : undefined;
    if (byTarget !== undefined) return byTarget;
    // What others have published keeps no secret.
    if (!stats.isFile() || isInModules(path)) return undefined;
    if (isPrivateKeyFile(path)) return 'key';
    const isAddressList = NAMES_OF_ADDRESS_LISTS.has(basename(path));
    return isAddressList && hasSecretInAddress(readFileSync(path, 'latin1')) ? 'password' : undefined;
  }

  #reasonByName(path: string, base: string, dot: DotNames): LeaveOutReason | undefined {
    const names = relative(base, path).split(sep);
    const modules = isInModules(base) ? 0 : names.indexOf('node_modules');
    const own = modules === -1 ? names : names.slice(0, modules);
    const takesDot = (name: string): boolean => (typeof dot === 'boolean' ? dot : dot(name));
    if (own.some((name) => /^\.(?!\.?$)/.test(name) && !takesDot(name))) return 'dot';
    const name = names.at(-1) ?? '';
    if (modules !== -1 && NOTES_IN_MODULES.has(name)) return 'dot';
    if (name === 'tskrazy.json') return 'configuration';
    return this.#isIgnored(path) ? 'ignored' : undefined;
  }

  #isIgnored(path: string): boolean {
    if (this.#ignored === undefined) return false;
    const root = isWithin(path, this.#instance) ? this.#instance : this.#realInstance;
    const name = relative(root, path).split(sep).join('/');
    return ignore.isPathValid(name) && this.#ignored.ignores(name);
  }
}

function readIgnoreFile(directory: string): Ignore | undefined {
  try {
    return ignore().add(readFileSync(join(directory, IGNORE_NAME), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isBelowState(path: string, instanceDirectory: string): boolean {
  return relative(instanceDirectory, path).split(sep).includes(STATE_DIRECTORY_NAME);
}

function isInModules(path: string): boolean {
  return path.split(sep).includes('node_modules');
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : `${directory}${sep}`);
}
