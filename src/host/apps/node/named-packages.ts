// Packages that nobody imports and that are loaded all the same: pino's `target: 'pino-pretty'`, Express's
// `app.set('view engine', 'ejs')`. Where something in the program loads packages by computed names, those that the
// project depends on and the app's own code names are taken along.

import { packageOwning } from '../packages/npm-package.ts';
import type { NpmProject } from '../packages/npm-project.ts';
import type { OwnCode } from './own-code.ts';
import { textOf, walk } from './syntax-tree.ts';

export interface NamedPackages {
  named: string[];
  /** Not imported, not named: they stay behind. */
  others: string[];
}

export function findNamedPackages(
  project: NpmProject,
  sources: readonly OwnCode[],
  /** Files in the bundle, and names of the packages outside of it. */
  { inputs, outside }: { inputs: readonly string[]; outside: readonly string[] },
): NamedPackages {
  const used = new Set([...outside, ...inputs.map((path) => packageOwning(path)?.name)]);
  const unused = project.dependencies
    .filter((name) => !used.has(name) && !name.startsWith('@types/') && name !== 'tskrazy')
    .toSorted();
  if (unused.length === 0) return { named: [], others: [] };
  const texts = textsIn(sources);
  const isNamed = (name: string): boolean => texts.some((text) => hasWord(text, name));
  return { named: unused.filter(isNamed), others: unused.filter((name) => !isNamed(name)) };
}

function textsIn(sources: readonly OwnCode[]): string[] {
  const texts: string[] = [];
  for (const { root } of sources) {
    walk(root, (node) => {
      const text = textOf(node);
      if (text !== undefined) texts.push(text);
    });
  }
  return texts;
}

/** `ejs` in `ejs`, `views/page.ejs` and `ejs/lib/x`, not in `my-ejs`. */
function hasWord(text: string, name: string): boolean {
  const at = text.indexOf(name);
  if (at === -1) return false;
  return !isPartOfName(text[at - 1]) && !isPartOfName(text[at + name.length]);
}

function isPartOfName(character: string | undefined): boolean {
  return /[\w@-]/.test(character ?? '');
}
