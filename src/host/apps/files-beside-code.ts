// Finds files that an app's own code reads relative to itself, such as `new URL('./data.txt', import.meta.url)`.
// On the device there is only the bundle, so they must be in `include`; who forgot it should hear of it now and
// not from the running device. Only literal paths are seen.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, posix, relative, resolve, sep } from 'node:path';

const LITERAL = String.raw`(['"\x60])([^'"\x60$]+)\1`;
const PATTERNS: readonly RegExp[] = [
  new RegExp(String.raw`new URL\(\s*${LITERAL}\s*,\s*import\.meta\.url\s*\)`, 'g'),
  new RegExp(
    String.raw`\b(?:join|resolve)\(\s*(?:import\.meta\.dirname|__dirname)\s*,\s*${LITERAL}\s*\)`,
    'g',
  ),
];

export interface CodeFiles {
  appName: string;
  instanceDirectory: string;
  /** Absolute paths of the app's own source files. */
  sources: readonly string[];
  /** Device paths of what `include` copies. */
  included: readonly string[];
}

/** A warning for each file that exists beside the code and not on the device. */
export function missingFilesBesideCode({
  appName,
  instanceDirectory,
  sources,
  included,
}: CodeFiles): string[] {
  const appDirectory = `/app/${appName}`;
  return sources.flatMap((source) => {
    const code = readFileSync(source, 'utf8');
    return PATTERNS.flatMap((pattern) => [...code.matchAll(pattern)]).flatMap((match) => {
      const written = match[2] ?? '';
      const file = resolve(dirname(source), written);
      // All code of the bundle lies in the app's directory.
      const target = posix.join(appDirectory, written);
      const isThere = included.some((path) => path === target || path.startsWith(`${target}/`));
      if (isThere || !existsSync(file)) return [];
      const line = code.slice(0, match.index).split('\n').length;
      const place = `${relative(instanceDirectory, source)}:${line}`;
      const from = relative(instanceDirectory, file).replaceAll(sep, '/');
      const to = target.startsWith(`${appDirectory}/`) ? posix.relative(appDirectory, target) : target;
      return [
        `${place}: "${written}" will not be at ${target} on the device; ` +
          `add {"from": "${from}", "to": "${to}"} to apps.${appName}.include if the app needs it`,
      ];
    });
  });
}
