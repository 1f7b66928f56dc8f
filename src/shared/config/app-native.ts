// The keys of an app in tskrazy.json for programs of Node.js that have parts in C, or write beside their code.

import * as v from 'valibot';
import { isWritablePath, nestedWritable } from '../services/writable.ts';
import { NODE_LINES } from '../services/node-lines.ts';
import { filledText, listWords } from './parts.ts';

/** Debian Policy, 5.6.7 */
const DEBIAN_NAME = /^[a-z0-9][a-z0-9+.-]+$/;
const NPM_NAME = /^(?:@[A-Za-z0-9~-][A-Za-z0-9._~-]*\/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*$/;

export const nativeEntries = {
  nodeVersion: v.exactOptional(
    v.pipe(
      v.picklist(NODE_LINES, `must be ${listWords(NODE_LINES)}; without it an app has the image's Node.js`),
      v.description(
        `Another Node.js than the image's, by its major version: it is added to the image, once for all apps that ask for it`,
      ),
    ),
  ),
  libraries: v.exactOptional(
    v.pipe(
      v.array(
        v.pipe(
          v.string('must be a string'),
          v.regex(DEBIAN_NAME, 'must be the name of a package of Debian, like "libusb-1.0-0"'),
        ),
        'must be an array of names of packages',
      ),
      v.description("Shared libraries that the image lacks, by the names of Debian's packages"),
    ),
  ),
  compile: v.exactOptional(
    v.pipe(
      v.boolean('must be true or false'),
      v.description('Compile packages that bring no add-on for the board on your computer (default: false)'),
    ),
  ),
  addons: v.exactOptional(
    v.pipe(
      v.record(
        v.pipe(v.string(), v.regex(NPM_NAME, 'is not the name of an npm package')),
        filledText('Add-on, or directory of add-ons; ${arch} stands for amd64 or arm64'),
        'must be an object of paths by the name of the package',
      ),
      v.description('Native add-ons of your own for packages that bring none for the board'),
    ),
  ),
  writable: v.exactOptional(
    v.pipe(
      v.array(
        v.pipe(
          v.string('must be a string'),
          v.check(isWritablePath, 'must be a directory in the app\'s own: relative, without ".."'),
        ),
        'must be an array of directories',
      ),
      v.check((paths) => nestedWritable(paths) === undefined, 'has a directory that lies in another'),
      v.description(
        'Directories beside the code that a program of "node" or "npm" writes to; they are kept in /perm',
      ),
    ),
  ),
};

/** Nothing mounts `writable` for programs without a sandbox; programs of other kinds have no packages and are static. */
export function onlyForNode<T extends object>(keys: readonly string[]): v.RawCheckAction<T> {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    const value: unknown = dataset.value;
    if (typeof value !== 'object' || value === null) return;
    const has = (key: string): boolean => Object.hasOwn(value, key);
    for (const key of keys.filter(has))
      if (!has('npm') && !has('node'))
        addIssue({ message: `has "${key}", which only apps with "node" or "npm" have` });
    for (const key of ['writable', 'shell'].filter(has))
      if ((value as { sandbox?: unknown }).sandbox === 'off')
        addIssue({ message: `has "${key}", which needs the sandbox` });
  });
}
