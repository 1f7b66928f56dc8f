// Finds files that an app's own code reads relative to itself, such as `new URL('./data.txt', import.meta.url)`,
// and what it requires behind the bundler's back, by createRequire. On the device there is only the bundle, so files
// must be in `include` and packages unbundled; who forgot it should hear of it now and not from the running device.
// Only literal paths are seen.

import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, posix, relative, resolve, sep } from 'node:path';

const LITERAL = String.raw`(?:'[^'\n]+'|"[^"\n]+"|\x60[^\x60$\n]+\x60)`;
const PATTERNS: readonly RegExp[] = [
  new RegExp(String.raw`new URL\(\s*(${LITERAL})\s*,\s*import\.meta\.url\s*\)`, 'g'),
  new RegExp(
    String.raw`\b(?:join|resolve)\(\s*(?:import\.meta\.dirname|__dirname)\s*,` +
      String.raw`\s*(${LITERAL}(?:\s*,\s*${LITERAL})*)\s*,?\s*\)`,
    'g',
  ),
];
const CREATED_REQUIRE =
  /\b([\w$]+)\s*=\s*createRequire\(\s*(?:import\.meta\.(?:url|filename)|__filename)\s*\)/g;

export interface CodeFiles {
  appName: string;
  instanceDirectory: string;
  /** Absolute paths of the app's own source files. */
  sources: readonly string[];
  /** Device paths of what `include` copies, and of the packages outside of the bundle. */
  included: readonly string[];
}

/** A warning for each file and package that is there on this machine and not on the device. */
export function missingFilesBesideCode(files: CodeFiles): string[] {
  return files.sources.flatMap((source) => {
    const code = readFileSync(source, 'utf8');
    const read = PATTERNS.flatMap((pattern) => [...code.matchAll(pattern)]);
    const required = [...code.matchAll(CREATED_REQUIRE)].flatMap(([, name = '']) => [
      ...code.matchAll(requirePattern(name)),
    ]);
    return [
      ...read.map((match) => ({ match, written: literalsOf(match).join('/') })),
      ...required.map((match) => ({ match, written: literalsOf(match).join('') })),
    ].flatMap(({ match, written }) => {
      const line = code.slice(0, match.index).split('\n').length;
      const place = `${relative(files.instanceDirectory, source)}:${line}`;
      const isPackage = required.includes(match) && !/^[./]/.test(written);
      const problem = isPackage ? packageProblem(written, files) : fileProblem(written, source, files);
      return problem === undefined ? [] : [`${place}: ${problem}`];
    });
  });
}

function requirePattern(name: string): RegExp {
  return new RegExp(
    String.raw`(?<![\w$.])${name.replaceAll('$', '\\$')}(?:\.resolve)?\(\s*(${LITERAL})\s*\)`,
    'g',
  );
}

function literalsOf([, literals = '']: RegExpExecArray): string[] {
  return [...literals.matchAll(new RegExp(LITERAL, 'g'))].map(([literal]) => literal.slice(1, -1));
}

function fileProblem(
  written: string,
  source: string,
  { appName, instanceDirectory, included }: CodeFiles,
): string | undefined {
  const appDirectory = `/app/${appName}`;
  const file = resolve(dirname(source), written);
  // All code of the bundle lies in the app's directory.
  const target = posix.join(appDirectory, written);
  const isThere = included.some((path) => path === target || path.startsWith(`${target}/`));
  if (isThere || !existsSync(file)) return undefined;
  const from = relative(instanceDirectory, file).replaceAll(sep, '/') || '.';
  const missing = `"${written}" will not be at ${target} on the device`;
  if (!target.startsWith(`${appDirectory}/`)) {
    return (
      `${missing}, where no include can put it; if the app needs it, include "${from}" below ${appDirectory} ` +
      'and read it there (TSK_APP_DIR in the environment names that folder)'
    );
  }
  const to = posix.relative(appDirectory, target);
  return `${missing}; add {"from": "${from}", "to": "${to}"} to apps.${appName}.include if the app needs it`;
}

function packageProblem(written: string, { appName, included }: CodeFiles): string | undefined {
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(written)?.[0] ?? written;
  const isThere = included.some((path) => path.startsWith(`/app/${appName}/node_modules/${name}/`));
  if (isBuiltin(written) || isThere) return undefined;
  return (
    `"${written}" is required in a way that the bundler does not see, and will not be on the device; ` +
    `import it, or add "${name}" to apps.${appName}.dependencies.unbundled`
  );
}
