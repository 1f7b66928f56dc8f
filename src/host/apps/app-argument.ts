// What `tsk add` was given, and the names and paths that an app gets by it.

import { basename, dirname, extname, relative, resolve, sep } from 'node:path';
import { plainName } from '../config/plain-name.ts';

export interface AppArgument {
  /** `word`: nothing of that name is there. */
  what: 'file' | 'directory' | 'word';
  /** A path is relative to the current directory. */
  text: string;
  instanceDirectory: string;
}

export interface GuessedApp {
  name: string;
  /** Text as it stands in tskrazy.json: a path is relative to the instance. */
  source: string;
}

/** The file's or directory's name; for a `main.ts` or `index.js` that of the directory that says what it is. */
export function appName(path: string): string {
  const absolute = resolve(path);
  const stem = basename(absolute, extname(absolute));
  if (!['main', 'index', 'app', 'src', 'cmd', 'dist', 'lib'].includes(stem)) return cleanName(stem);
  return dirname(absolute) === absolute ? 'app' : appName(dirname(absolute));
}

export function cleanName(name: string): string {
  return plainName(name, 'a-z0-9._-') || 'app';
}

/** `./src/main.ts`, with `/` on every host. */
export function fromInstance(path: string, instanceDirectory: string): string {
  const inside = relative(resolve(instanceDirectory), resolve(path)).split(sep).join('/');
  if (inside === '') return '.';
  return inside.startsWith('../') ? inside : `./${inside}`;
}
