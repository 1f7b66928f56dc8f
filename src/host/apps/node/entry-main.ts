// `import.meta.main` in a bundle: true in the entry point's file alone, as it was before bundling. The text
// is replaced by one of the same length, so that lines and columns stay those of the file.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Loader, Plugin } from 'esbuild';

const PROPERTY = 'import.meta.main';

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
        if (!text.includes(PROPERTY)) return undefined;
        return {
          contents: text.replaceAll(PROPERTY, 'true'.padEnd(PROPERTY.length)),
          loader: LOADERS[extname(path)] ?? 'js',
        };
      });
    },
  };
}

/** esbuild's filters are Go regular expressions: letters, digits and escaped punctuation mean the same there. */
function exactly(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`);
}
