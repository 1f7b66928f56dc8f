// `emitDecoratorMetadata` needs a compiler that knows the types of the whole program, which the bundler does not. A
// program that relies on it would build without a word and fail on the device.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { parse } from 'jsonc-parser';

interface TsConfig {
  extends?: unknown;
  compilerOptions?: { emitDecoratorMetadata?: unknown };
}

/** A warning if the entry point's tsconfig.json asks for it. */
export function decoratorMetadataWarning(entryPath: string, instanceDirectory: string): string[] {
  const path = nearestTsConfig(dirname(entryPath));
  if (path === undefined || emitsMetadata(path) !== true) return [];
  return [
    `${relative(instanceDirectory, path)}: "emitDecoratorMetadata" has no effect in a bundle; ` +
      'name types in the decorators, such as @Column("text") or @Inject(Service)',
  ];
}

function nearestTsConfig(directory: string): string | undefined {
  const path = join(directory, 'tsconfig.json');
  if (existsSync(path)) return path;
  const parent = dirname(directory);
  return parent === directory ? undefined : nearestTsConfig(parent);
}

/** What the file says, else those that it extends, the last one first. Not looked for in packages. */
function emitsMetadata(path: string, depth = 0): unknown {
  if (depth > 10 || !existsSync(path)) return undefined;
  const config = (parse(readFileSync(path, 'utf8')) ?? {}) as TsConfig;
  const bases = [config.extends ?? []].flat().filter((base) => typeof base === 'string');
  return [
    config.compilerOptions?.emitDecoratorMetadata,
    ...bases
      .toReversed()
      .filter((base) => base.startsWith('.') || isAbsolute(base))
      .map((base) => resolve(dirname(path), base.endsWith('.json') ? base : `${base}.json`))
      .map((base) => emitsMetadata(base, depth + 1)),
  ].find((value) => value !== undefined);
}
