// `import.meta.main` in a bundle: true in the entry point's file alone, as it was before bundling. The text
// is replaced by one of the same length, so that lines and columns stay those of the file.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Loader, Plugin } from 'esbuild';

/** As it is written, with a type or without; or taken out of `import.meta`. */
const MAIN =
  /\(\s*(?:<[^<>()]*>\s*)?import\.meta(?:\s+as\s[^()]*?)?!?\s*\)\s*(?:\?\.|\.)\s*main\b|\bimport\.meta\s*(?:\?\.|\.)\s*main\b|\bimport\.meta\s*(?:\?\.)?\[\s*(['"])main\1\s*\]/g;
const TAKEN_OUT = /(\{[^{}]*\bmain\b[^{}]*\}\s*=\s*)import\.meta\b(?!\s*[.?[])/g;

const LOADERS: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
};

export function entryMainPlugin(entryPath: string): Plugin {
  return {
    name: 'entry-main',
    setup(build) {
      build.onLoad({ filter: exactly(entryPath) }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const contents = markMain(text);
        if (contents === text) return undefined;
        return {
          contents,
          loader: LOADERS[extname(path)] ?? 'js',
        };
      });
    },
  };
}

export function markMain(text: string): string {
  return text
    .replaceAll(MAIN, (written: string) => `true${written.slice(4).replaceAll(/[^\n]/g, ' ')}`)
    .replaceAll(TAKEN_OUT, '$1{ ...import.meta, main: true }');
}

/** esbuild's filters are Go regular expressions: letters, digits and escaped punctuation mean the same there. */
function exactly(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`);
}
