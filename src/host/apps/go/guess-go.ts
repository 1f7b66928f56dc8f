// `tsk add ./cmd/scan`, `tsk add ./cmd/scan/main.go`, `tsk add example.org/cmd/scan`

import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type AppArgument, appName, cleanName, fromInstance, type GuessedApp } from '../app-argument.ts';

/** `example.org/x/cmd/y@v1.2.3`: the first part of an import path is a domain. */
const IMPORT_PATH = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:\/[\w.~-]+)+(?:@[\w.+-]+)?$/i;

export async function guessGo({
  what,
  text,
  instanceDirectory,
}: AppArgument): Promise<GuessedApp | undefined> {
  if (what === 'word') return IMPORT_PATH.test(text) ? guessImportPath(text) : undefined;
  const directory = what === 'directory' ? text : dirname(text);
  const names = what === 'directory' ? await readdir(text) : [text];
  if (!names.some((name) => name.endsWith('.go'))) return undefined;
  return { name: appName(directory), source: fromInstance(directory, instanceDirectory) };
}

function guessImportPath(argument: string): GuessedApp {
  const [path = '', version] = argument.split('@');
  const parts = path.split('/');
  // `example.org/x/v2` is major version 2 of x.
  const last = /^v\d+$/.test(parts.at(-1) ?? '') ? parts.at(-2) : parts.at(-1);
  return { name: cleanName(last ?? path), source: `${path}@${version ?? 'latest'}` };
}
