// The rule `house/lazy-circle`: refuses circles of imports that `import/no-cycle` does not see, because a lazy import
// (`await import()`) or the type of one (`typeof import()`) closes them.

import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { type Context, type Node, textOf } from './plugin.ts';

/** Imports of every kind, as oxfmt writes them; a match in a comment or a string costs nothing unless its file exists. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g;

const importsOfFiles = new Map<string, readonly string[]>();

export const lazyCircleRule = {
  create(context: Context): Record<string, (node: Node) => void> {
    const { filename, cwd } = context;
    const check = (node: Node, source: Node | null | undefined): void => {
      const specifier = source === null || source === undefined ? undefined : textOf(source);
      if (specifier === undefined || !specifier.startsWith('.')) return;
      const back = wayTo(filename, resolve(dirname(filename), specifier));
      if (back === undefined) return;
      const names = [filename, ...back].map((file) => relative(cwd, file));
      context.report({ node, message: `a circle of imports: ${names.join(' -> ')}` });
    };
    return {
      ImportExpression: (node) => check(node, node.source),
      TSImportType: (node) => check(node, node.source ?? node.argument?.literal),
    };
  },
};

/** The files from `start` on whose imports lead to `goal`, both included; undefined when none do. */
function wayTo(goal: string, start: string): readonly string[] | undefined {
  const cameFrom = new Map<string, string | null>([[start, null]]);
  for (const file of cameFrom.keys()) {
    if (file === goal) return trace(cameFrom, goal);
    for (const next of importsOf(file)) if (!cameFrom.has(next)) cameFrom.set(next, file);
  }
  return undefined;
}

function trace(cameFrom: ReadonlyMap<string, string | null>, goal: string): readonly string[] {
  const way: string[] = [];
  for (let file: string | null = goal; file !== null; file = cameFrom.get(file) ?? null) way.unshift(file);
  return way;
}

function importsOf(file: string): readonly string[] {
  const known = importsOfFiles.get(file);
  if (known !== undefined) return known;
  const imports = [...textOfFile(file).matchAll(IMPORT)].map(([, specifier = '']) =>
    resolve(dirname(file), specifier),
  );
  importsOfFiles.set(file, imports);
  return imports;
}

/** Nothing of a file that is not there, which is the compiler's to say. */
function textOfFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
