// What `tsk add ARGUMENT` means: a TypeScript or JavaScript file, a Go package, or an executable.

import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, relative, resolve, sep } from 'node:path';
import { UserError } from '../user-error.ts';
import { plainName } from '../config/plain-name.ts';

export type AppSource = { node: string } | { go: string } | { binary: string };

export interface AppGuess {
  name: string;
  source: AppSource;
}

const SCRIPT_EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.tsx', '.jsx'];
/** `example.org/x/cmd/y@v1.2.3`: the first part of an import path is a domain. */
const GO_IMPORT_PATH = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:\/[\w.~-]+)+(?:@[\w.+-]+)?$/i;

export interface SourceOptions {
  name?: string;
  node?: string;
  go?: string;
  binary?: string;
}

/** Name and source by what the user said, guessed where nothing was said. */
export async function chooseApp(
  argument: string,
  options: SourceOptions,
  instanceDirectory: string,
): Promise<AppGuess> {
  const given = (['node', 'go', 'binary'] as const).filter((kind) => options[kind] !== undefined);
  if (given.length > 1) {
    throw new UserError(
      `Cannot add "${argument}": ${given.map((kind) => `--${kind}`).join(' and ')} exclude each other`,
    );
  }
  const [kind] = given;
  if (kind === undefined) {
    const guess = await guessApp(argument, instanceDirectory);
    return { ...guess, name: options.name ?? guess.name };
  }
  // As it stands in tskrazy.json, hence relative to the instance.
  const source = { [kind]: options[kind] } as unknown as AppSource;
  return { name: options.name ?? argument, source };
}

/** `argument` is relative to the current folder, the result to the instance's. */
export async function guessApp(argument: string, instanceDirectory: string): Promise<AppGuess> {
  const info = await stat(argument).catch(() => undefined);
  if (info?.isFile()) return guessFile(argument, instanceDirectory);
  if (info?.isDirectory()) {
    const names = await readdir(argument);
    if (names.some((name) => name.endsWith('.go'))) {
      return { name: appName(argument), source: { go: fromInstance(argument, instanceDirectory) } };
    }
    throw new UserError(`Cannot add "${argument}": the folder has no Go files`, {
      hint: 'Name the entry point of a TypeScript or JavaScript program, e.g. ./src/main.ts.',
    });
  }
  if (GO_IMPORT_PATH.test(argument)) return guessImportPath(argument);
  const isPath = /^[./]/.test(argument) || SCRIPT_EXTENSIONS.includes(extname(argument));
  throw new UserError(
    isPath
      ? `Cannot add "${argument}": there is no such file or folder`
      : `Cannot add "${argument}": it is no file, no folder and no Go import path`,
    {
      hint: isPath
        ? 'Paths are relative to the current folder.'
        : `Name its source, e.g. tsk add ${argument} --node ./src/${argument}.ts (or --go, --binary).`,
    },
  );
}

async function guessFile(path: string, instanceDirectory: string): Promise<AppGuess> {
  const source = fromInstance(path, instanceDirectory);
  if (SCRIPT_EXTENSIONS.includes(extname(path))) return { name: appName(path), source: { node: source } };
  if (path.endsWith('.go')) {
    return { name: appName(dirname(path)), source: { go: fromInstance(dirname(path), instanceDirectory) } };
  }
  if (await isElf(path)) return { name: appName(path), source: { binary: source } };
  throw new UserError(
    `Cannot add "${path}": it is no TypeScript, JavaScript or Go file and no Linux executable`,
    {
      hint: 'Say what it is with --node, --go or --binary.',
    },
  );
}

function guessImportPath(argument: string): AppGuess {
  const [path = '', version] = argument.split('@');
  const parts = path.split('/');
  // `example.org/x/v2` is major version 2 of x.
  const last = /^v\d+$/.test(parts.at(-1) ?? '') ? parts.at(-2) : parts.at(-1);
  return { name: cleanName(last ?? path), source: { go: `${path}@${version ?? 'latest'}` } };
}

/** The file's or folder's name; for a `main.ts` or `index.js` that of the folder that says what it is. */
export function appName(path: string): string {
  const absolute = resolve(path);
  const stem = basename(absolute, extname(absolute));
  if (!['main', 'index', 'app', 'src', 'cmd', 'dist', 'lib'].includes(stem)) return cleanName(stem);
  return dirname(absolute) === absolute ? 'app' : appName(dirname(absolute));
}

function cleanName(name: string): string {
  return plainName(name, 'a-z0-9._-') || 'app';
}

/** `./src/main.ts`, with `/` on every host. */
function fromInstance(path: string, instanceDirectory: string): string {
  const inside = relative(resolve(instanceDirectory), resolve(path)).split(sep).join('/');
  if (inside === '') return '.';
  return inside.startsWith('../') ? inside : `./${inside}`;
}

async function isElf(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.equals(Buffer.from('\x7fELF', 'latin1'));
  } finally {
    await file.close();
  }
}
