// The file that a package is started by: its `bin`, as a person's shell would find it, or else `main`. By path, as some
// packages hide theirs from `exports`.

import { readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { UserError } from '../../user-error.ts';
import { binsOf } from '../packages/bin-links.ts';
import { readPackageJson } from '../packages/package-json.ts';
import { moduleFile } from './module-file.ts';

export interface MainModuleRequest {
  appName: string;
  packageName: string;
  /** A program by its name in `bin`, or a file, where the configuration names one. */
  bin: string | undefined;
  /** The package on this computer. */
  directory: string;
}

export interface MainModule {
  /** Relative to the package. */
  path: string;
  /** Options and variables of Node.js, as the first line of the file has them. */
  nodeArguments: string[];
  env: Record<string, string>;
}

export function mainModule(request: MainModuleRequest): MainModule {
  const { appName, packageName, directory } = request;
  const json = readPackageJson<{ bin: unknown; main: unknown }>(join(directory, 'package.json'));
  const bins = binsOf(packageName, json.bin);
  const path = chooseBin(request, bins) ?? mainOf(directory, json.main);
  const act = `Cannot start app "${appName}"`;
  if (path === undefined) {
    throw new UserError(`${act}: npm package "${packageName}" has neither "bin" nor "main"`, {
      hint: `It is no program: import it from one of your own, and use that as "node" of apps.${appName}.`,
    });
  }
  const clean = posix.normalize(path);
  if (
    clean.startsWith('../') ||
    statSync(join(directory, clean), { throwIfNoEntry: false })?.isFile() !== true
  ) {
    throw new UserError(
      `${act}: npm package "${packageName}" has no file "${path}", by which it is started`,
      {
        hint: 'It was published without what it is built to: try another version.',
      },
    );
  }
  const ending = posix.extname(clean);
  const isNamedFile = request.bin !== undefined && !bins.has(request.bin);
  if (isNamedFile && !NODE_ENDINGS.has(ending)) {
    throw new UserError(
      `${act}: "${clean}" of npm package "${packageName}" is no file that Node.js starts (${ending})`,
      {
        hint: /^\.[cm]?tsx?$/.test(ending)
          ? NOT_COMPILED
          : `Name a file of JavaScript in apps.${appName}.npm.bin.`,
      },
    );
  }
  const [line = ''] = readFileSync(join(directory, clean), 'latin1').split('\n', 1);
  const { name, ...options } = interpreterOf(line.startsWith('#!') ? line : '#!node');
  if (name !== 'node' && name !== 'nodejs') {
    throw new UserError(
      `${act}: "${clean}" of npm package "${packageName}" is no program for Node.js (${line.trim()})`,
      {
        hint: OTHER_RUNTIMES.get(name) ?? binHint(appName, packageName, [...bins.keys()]),
      },
    );
  }
  return { path: clean, ...options };
}

/** Some programs have none. */
const NODE_ENDINGS = new Set(['', '.js', '.cjs', '.mjs']);
const NOT_NODE = 'Devices have Node.js alone: try a version or another package that says it is for Node.js.';
const NOT_COMPILED =
  'It was published as TypeScript: import it from a program of your own, which is bundled, and use that as "node".';

/** What else runs JavaScript or TypeScript, and is not on the device. */
const OTHER_RUNTIMES: ReadonlyMap<string, string> = new Map([
  ['bun', NOT_NODE],
  ['deno', NOT_NODE],
  ['tsx', NOT_COMPILED],
  ['ts-node', NOT_COMPILED],
]);

interface Interpreter extends Omit<MainModule, 'path'> {
  name: string;
}

/** `#!/usr/bin/env -S NAME=value node --flag`: as Linux and env read it, but for quotes. */
function interpreterOf(line: string): Interpreter {
  const [program = '', ...words] = line
    .slice(2)
    .trim()
    .replace(/\s-S(?=\S)/, ' -S ')
    .split(/\s+/);
  if (posix.basename(program) !== 'env')
    return { name: posix.basename(program), nodeArguments: words, env: {} };
  const at = words.findIndex((word) => !word.startsWith('-') && !word.includes('='));
  if (at === -1) return { name: '', nodeArguments: [], env: {} };
  const variables = words.slice(0, at).filter((word) => !word.startsWith('-'));
  return {
    name: posix.basename(words[at] ?? ''),
    nodeArguments: words.slice(at + 1),
    env: Object.fromEntries(
      variables.map((word) => {
        const equals = word.indexOf('=');
        return [word.slice(0, equals), word.slice(equals + 1)];
      }),
    ),
  };
}

/** npm's own rule for `npx`: the only one, or the one that is called like the package. */
function chooseBin(
  { appName, packageName, bin, directory }: MainModuleRequest,
  bins: ReadonlyMap<string, string>,
): string | undefined {
  const names = [...bins.keys()];
  if (bin !== undefined) {
    const path = bins.get(bin) ?? moduleFile(directory, bin);
    if (path !== undefined) return path;
    const has = names.length === 0 ? 'none' : names.map((name) => `"${name}"`).join(', ');
    throw new UserError(
      `Cannot start app "${appName}": npm package "${packageName}" has neither a "bin" of the name "${bin}" nor such a file; of "bin" it has ${has}`,
      {
        hint: `Name one that is there in apps.${appName}.npm.bin, a file by its path in the package, or none.`,
      },
    );
  }
  const plain = packageName.slice(packageName.indexOf('/') + 1);
  const own = names.length === 1 ? names[0] : names.find((name) => name === plain);
  if (own !== undefined) return bins.get(own);
  if (names.length === 0) return undefined;
  throw new UserError(
    `Cannot start app "${appName}": npm package "${packageName}" has several programs: ${names.map((name) => `"${name}"`).join(', ')}`,
    { hint: binHint(appName, packageName, names) },
  );
}

function binHint(appName: string, packageName: string, names: readonly string[]): string {
  return `Name the one to start: set apps.${appName}.npm to { "package": "${packageName}", "bin": "${names[0] ?? 'NAME'}" }.`;
}

/** Where it is missing, as for `require`, it is the index. */
function mainOf(directory: string, main: unknown): string | undefined {
  return moduleFile(directory, typeof main === 'string' && main !== '' ? main : 'index.js');
}
