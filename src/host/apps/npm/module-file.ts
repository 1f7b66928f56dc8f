// The file that a word for a module means, as `node FILE` and `main` of a package.json have it.

import { statSync } from 'node:fs';
import { join, posix } from 'node:path';

/** Relative to `directory`, out of which none leads: the ending may be missing, and a directory has an index. */
export function moduleFile(directory: string, stem: string): string | undefined {
  const clean = posix.normalize(stem);
  if (clean === '..' || clean.startsWith('../') || posix.isAbsolute(clean)) return undefined;
  return [clean, `${clean}.js`, `${clean}.cjs`, `${clean}.mjs`, posix.join(clean, 'index.js')].find(
    (path) => statSync(join(directory, path), { throwIfNoEntry: false })?.isFile() === true,
  );
}
