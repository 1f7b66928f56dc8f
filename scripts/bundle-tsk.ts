// tsk in one file a command, for tests, which start it hundreds of times: half of what such a start costs is reading some two
// hundred sources. It takes itself for the checkout that it was made from.

import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** What each source says of where it lies is where it lies in the checkout. */
const keepPlaces: Plugin = {
  name: 'keep-places',
  setup(build) {
    build.onLoad({ filter: /\/(?:bin|src)\/.*\.ts$/ }, async ({ path }) => {
      const places = {
        dirname: dirname(path),
        filename: path,
        url: pathToFileURL(path).href,
      };
      const contents = (await readFile(path, 'utf8')).replaceAll(
        /import\.meta\.(dirname|filename|url)\b/g,
        (_, key: keyof typeof places) => JSON.stringify(places[key]),
      );
      return { contents, loader: 'ts' };
    });
  },
};

/** Returns the file to run. */
export async function bundleTsk(directory: string): Promise<string> {
  await build({
    entryPoints: { tsk: 'bin/tsk.ts' },
    outdir: directory,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    target: 'node22.18',
    packages: 'external',
    plugins: [keepPlaces],
    logLevel: 'warning',
  });
  return resolve(join(directory, 'tsk.mjs'));
}
