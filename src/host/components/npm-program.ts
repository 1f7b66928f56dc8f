// npm as a component, for apps whose programs install packages on the device: the published package as it is, which brings all
// that it depends on, without its manuals.

import { createReadStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar/fs';
import { UserError } from '../user-error.ts';
import type { TreeWriter } from './component-tree.ts';

export const NPM_FILES: readonly string[] = ['bin/npm-cli.js', 'package.json'];

/** The newest that runs on all the Node.js that apps may have. */
export const NPM_VERSION = '11.21.2';

const LEFT_OUT = /^(?:docs|man)\/|\.(?:md|map)$/;

export async function writeNpmProgram(
  tarball: string,
  writer: TreeWriter,
  temporaryDirectory: string,
): Promise<void> {
  const unpacked = join(temporaryDirectory, 'npm');
  await pipeline(createReadStream(tarball), createGunzip(), unpackTar(unpacked, { strict: true }));
  const root = join(unpacked, 'package');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !LEFT_OUT.test(path))
    .toSorted();
  const missing = NPM_FILES.find((path) => !paths.includes(path));
  if (missing !== undefined)
    throw new UserError(`Cannot use component npm: its npm package has no "${missing}"`, {
      hint: 'Use an npm package of the same shape as npm.',
    });
  for (const path of paths)
    await writer.file(path, path.startsWith('bin/') ? 0o755 : 0o644, createReadStream(join(root, path)));
  await rm(unpacked, { recursive: true });
}
