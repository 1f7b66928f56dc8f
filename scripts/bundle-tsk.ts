// tsk in one file a command: for the published package, because Node.js strips no types under node_modules, and for tests, which
// start tsk hundreds of times: two fifths of what such a start costs is reading some two hundred sources.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type BuildOptions, type OutputFile, type Plugin } from 'esbuild';
import { replaceFile } from '../src/device/replace-file.ts';

/** Returns what is to lie in `outdir`: `tsk.js`, and what it loads. Packages stay outside. */
export async function bundleTsk(
  options: Pick<BuildOptions, 'outdir' | 'outExtension' | 'plugins'>,
): Promise<OutputFile[]> {
  const { outputFiles } = await build({
    ...options,
    entryPoints: { tsk: 'bin/tsk.ts' },
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node22.18',
    packages: 'external',
    write: false,
    logLevel: 'warning',
  });
  return outputFiles;
}

/** What each source says of where it lies is where it lies in the checkout. */
const keepPlaces: Plugin = {
  name: 'keep-places',
  setup(bundling) {
    bundling.onLoad({ filter: /\/(?:bin|src)\/.*\.ts$/ }, async ({ path }) => {
      const places = { dirname: dirname(path), filename: path, url: pathToFileURL(path).href };
      const contents = (await readFile(path, 'utf8')).replaceAll(
        /import\.meta\.(dirname|filename|url)\b/g,
        (_, key: keyof typeof places) => JSON.stringify(places[key]),
      );
      return { contents, loader: 'ts' };
    });
  },
};

/**
 * Takes itself for the checkout that it was made from. Returns the file to run. What is there already and the same stays, so that
 * another run of tests may go on with it, and Node.js with what it has compiled.
 */
export async function bundleTskForTests(directory: string): Promise<string> {
  const files = await bundleTsk({
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    plugins: [keepPlaces],
  });
  for (const { path, text } of files)
    if (!existsSync(path) || (await readFile(path, 'utf8')) !== text) replaceFile(path, text);
  return resolve(directory, 'tsk.mjs');
}
