// `writable` of an app: its directories in the image are empty, and the device mounts those of /perm there. Files that the
// image has for them are put there by the program's own process before its first line, where none of that name is yet.

import type { AppConfig } from '../config/app-config.ts';
import type { RootEntry } from '../root-tree.ts';
import { UserError } from '../user-error.ts';
import { appTextFile } from './app-text-file.ts';
import { type DataFile, dataFilesScript } from './data-files.ts';

export interface WithWritable {
  entries: RootEntry[];
  argv: string[];
}

/** `argv`: of the program, with Node.js first. */
export function makeWritable(
  app: AppConfig,
  entries: readonly RootEntry[],
  argv: readonly string[],
): WithWritable {
  const { name, writable = [] } = app;
  const own = `/app/${name}`;
  const files: DataFile[] = [];
  const places = writable.map((path, index) => ({
    path: `${own}/${path}`,
    kept: `${own}/writable-files/${index}`,
  }));
  for (const { path } of places) requireNoCode(app, path, entries, argv);
  const moved = entries.map((entry): RootEntry => {
    const place = places.find(({ path }) => entry.path.startsWith(`${path}/`));
    if (place === undefined) return entry;
    const from = place.kept + entry.path.slice(place.path.length);
    files.push({ from, to: entry.path, keep: true });
    return { ...entry, path: from };
  });
  const base = { layer: `app:${name}`, origin: `app ${name}` } as const;
  const directories = places.map(({ path }): RootEntry => ({
    kind: 'directory',
    path,
    mode: 0o755,
    ...base,
  }));
  if (files.length === 0) return { entries: [...moved, ...directories], argv: [...argv] };
  const script = `${own}/writable-files.cjs`;
  const [node = '', ...rest] = argv;
  return {
    entries: [...moved, ...directories, appTextFile(name, script, dataFilesScript(files))],
    // First, as the script takes the option away from what the program forks.
    argv: [node, '--require', script, ...rest],
  };
}

/** Code that lies in /perm would be that of the first version for ever. */
function requireNoCode(
  { name }: AppConfig,
  path: string,
  entries: readonly RootEntry[],
  argv: readonly string[],
): void {
  const refuse = (problem: string) =>
    new UserError(`Cannot make "${path}" of app "${name}" writable: ${problem}`, {
      hint: `Name in apps.${name}.writable the directories alone that the program writes to.`,
    });
  const below = entries.filter((entry) => entry.path.startsWith(`${path}/`));
  if (entries.some((entry) => entry.path === path && entry.kind !== 'directory'))
    throw refuse('it is a file');
  const link = below.find(({ kind }) => kind === 'symlink');
  if (link !== undefined) throw refuse(`the link "${link.path}" is in it`);
  const code = below.find((entry) => argv.includes(entry.path) || entry.path.endsWith('/package.json'));
  if (code !== undefined)
    throw refuse(`the program's code is in it ("${code.path}"), which updates would not reach`);
}
