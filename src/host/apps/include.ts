// The `include` entries of an app: files of the instance that are copied into the image beside the program
// or to an absolute place. Symbolic links to files are copied as the files; permissions become 0755 or 0644.

import { posix, sep } from 'node:path';
import type { RootEntry } from '../root-tree.ts';
import { UserError } from '../user-error.ts';
import type { AppConfig, AppInclude } from '../config/app-config.ts';
import { type FoundFile, findFiles } from './find-files.ts';
import { LEAVE_OUT_REASONS, type LeaveOutReason, OwnFiles } from './own-files.ts';

export interface Includes {
  entries: RootEntry[];
  inputs: string[];
  /** One sentence at most, of all that was covered and not taken. */
  warnings: string[];
}

/**
 * Directories in which an absolute target may lie, besides the app's own. All else belongs to the image or the
 * device.
 */
const ALLOWED_ROOTS = ['/etc', '/opt', '/srv', '/usr/local', '/usr/share'];
const RESERVED = ['/etc/tskrazy', '/usr/share/licenses'];

/** `key`: of tskrazy.json, where the entries stand. */
export function collectIncludes(
  app: AppConfig,
  instanceDirectory: string,
  key: 'include' | 'config' = 'include',
): Includes {
  const own = new OwnFiles(instanceDirectory);
  const leftOut = new Map<string, LeaveOutReason>();
  const files = app.include.flatMap((include) => {
    const target = targetPath(app.name, include);
    const found = findFiles(include, { appName: app.name, instanceDirectory, own });
    for (const [path, reason] of found.leftOut) leftOut.set(path, reason);
    return found.files.map((file) => ({
      from: file.path,
      to: joinTarget(target, include.to, file),
      stats: file.stats,
      linkTo: file.linkTo === undefined ? undefined : posix.join(target, file.linkTo),
    }));
  });
  // Another entry may name it by itself.
  for (const { from } of files) leftOut.delete(from);
  return {
    entries: files.map(({ from, to, stats, linkTo }): RootEntry => {
      const base = { path: to, layer: `app:${app.name}`, origin: `app ${app.name}` } as const;
      if (linkTo !== undefined)
        return { ...base, kind: 'symlink', target: posix.relative(posix.dirname(to), linkTo), mode: 0o777 };
      return {
        ...base,
        kind: 'file',
        // The file's own bits do not count: they differ with the umask of whoever checked it out.
        mode: stats.mode & 0o111 ? 0o755 : 0o644,
        content: { kind: 'path', path: from, sizeBytes: stats.size },
      };
    }),
    inputs: files.map(({ from }) => from),
    warnings: describeLeftOut(app.name, instanceDirectory, leftOut, key),
  };
}

const SHOWN_OF_A_REASON = 5;
/** Every directory has them, and nobody misses them. */
const NOT_WORTH_TELLING = /(?:^|\/)\.(?:DS_Store|gitignore|gitattributes|gitkeep|keep|tskrazyignore)$/;
const REASONS: Readonly<Record<LeaveOutReason, string>> = {
  dot: 'names with a dot',
  key: 'private keys',
  password: 'addresses with a password',
  configuration: 'configuration of instances',
  ignored: 'named in .tskrazyignore',
};

function describeLeftOut(
  appName: string,
  instanceDirectory: string,
  leftOut: ReadonlyMap<string, LeaveOutReason>,
  key: 'include' | 'config',
): string[] {
  const told = [...leftOut]
    .map(([path, reason]) => [posix.relative(instanceDirectory, path), reason] as const)
    .filter(([path]) => !NOT_WORTH_TELLING.test(path));
  if (told.length === 0) return [];
  const groups = LEAVE_OUT_REASONS.flatMap((reason) => {
    const paths = told.filter((each) => each[1] === reason).map(([path]) => path);
    if (paths.length === 0) return [];
    const more = paths.length > SHOWN_OF_A_REASON ? ` and ${paths.length - SHOWN_OF_A_REASON} more` : '';
    return [`${paths.slice(0, SHOWN_OF_A_REASON).join(', ')}${more} (${REASONS[reason]})`];
  });
  const mayGiveDot = key === 'include' && told.some((each) => each[1] === 'dot');
  const hint = mayGiveDot ? ', or give "dot": true for names with a dot' : '';
  return [
    `app "${appName}" goes without ${groups.join('; ')}: ` +
      `what it needs of these, name by itself in "${key}"${hint}; secrets go by "secrets"`,
  ];
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

/** A directory's files and a glob's matches go below the target; a single file is the target unless that ends in "/". */
function joinTarget(target: string, written: string, { name, path }: FoundFile): string {
  if (name !== '') return posix.join(target, name);
  const isDirectory = written.endsWith('/') || /(?:^|\/)\.$/.test(written);
  return isDirectory ? posix.join(target, posix.basename(path.replaceAll(sep, '/'))) : target;
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
