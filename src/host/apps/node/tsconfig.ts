// A project's tsconfig.json, as far as the build goes by it.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ancestors } from '../../files/ancestors.ts';
import { parse } from 'jsonc-parser';
import { readPackageJson } from '../packages/package-json.ts';

interface TsConfig {
  extends?: unknown;
  compilerOptions?: { emitDecoratorMetadata?: unknown };
}

export function nearestTsConfig(directory: string): string | undefined {
  return ancestors(directory)
    .map((each) => join(each, 'tsconfig.json'))
    .find((path) => existsSync(path));
}

/** What the file says, else those that it extends, the last one first. A base that is nowhere is the bundler's to tell. */
export function emitsMetadata(path: string, depth = 0): unknown {
  if (depth > 10) return undefined;
  const config = (parse(readFileSync(path, 'utf8')) ?? {}) as TsConfig;
  const bases = [config.extends ?? []].flat().filter((base) => typeof base === 'string');
  return [
    config.compilerOptions?.emitDecoratorMetadata,
    ...bases
      .toReversed()
      .map((base) => findBase(base, path))
      .map((base) => base && emitsMetadata(base, depth + 1)),
  ].find((value) => value !== undefined);
}

/** As TypeScript looks for it: `./base`, `@tsconfig/nest/tsconfig.json`, `@tsconfig/nest`. */
function findBase(base: string, path: string): string | undefined {
  if (/^\.\.?(?:\/|$)/.test(base) || isAbsolute(base)) {
    const file = resolve(dirname(path), base);
    return [file, `${file}.json`].find(isFile);
  }
  // A package may say which of its files are for others.
  const load = createRequire(path);
  for (const name of [base, `${base}.json`, `${base}/tsconfig.json`]) {
    const found = resolveOrNot(load, name);
    if (found?.endsWith('.json') === true) return found;
  }
  return load.resolve
    .paths(base)
    ?.flatMap((directory) => {
      const place = join(directory, base);
      return [place, `${place}.json`, join(place, tsConfigOf(place))];
    })
    .find(isFile);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** package.json may name another one. */
function tsConfigOf(directory: string): string {
  const path = join(directory, 'package.json');
  const { tsconfig } = existsSync(path) ? readPackageJson<{ tsconfig?: unknown }>(path) : {};
  return typeof tsconfig === 'string' ? tsconfig : 'tsconfig.json';
}

function resolveOrNot(load: NodeJS.Require, name: string): string | undefined {
  try {
    return load.resolve(name);
  } catch {
    return undefined;
  }
}
