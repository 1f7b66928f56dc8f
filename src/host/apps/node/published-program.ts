// Programs of others that are bundled where they could be installed: from node_modules, or from a clone of their sources.
// Some cannot be bundled, and all of them work as npm lays them out.

import { existsSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { ancestors } from '../../files/ancestors.ts';
import { binsOf } from '../packages/bin-links.ts';
import { packageOwning } from '../packages/npm-package.ts';
import { readPackageJson } from '../packages/package-json.ts';

/** What to do where `entry` is one of a program that is on npm; undefined for a program of one's own. */
export function npmHint(appName: string, entry: string): string | undefined {
  const installed = packageOwning(entry)?.directory;
  const directory = installed ?? nearestPackage(dirname(entry));
  if (directory === undefined || !existsSync(join(directory, 'package.json'))) return undefined;
  const { name, version, bin, ...json } = readPackageJson<{
    name: string;
    version: string;
    bin: unknown;
    private: boolean;
  }>(join(directory, 'package.json'));
  if (typeof name !== 'string' || typeof version !== 'string') return undefined;
  const bins = binsOf(name, bin);
  // Nobody's own small program has programs to install, and what must not be published is not on npm.
  if (installed === undefined && (bins.size === 0 || json.private === true)) return undefined;
  const file = relative(directory, entry).split(sep).join('/');
  const chosen = [...bins].find(([, path]) => posix.normalize(path) === file)?.[0];
  const spec = `${name}@${rangeOf(version)}`;
  const source =
    bins.size > 1 && chosen !== undefined ? `{ "package": "${spec}", "bin": "${chosen}" }` : `"${spec}"`;
  const line = `"${appName}": { "npm": ${source} }`;
  return installed === undefined
    ? `If it is the program that npm has as "${name}", take that, unbundled: ${line} in "apps" of tskrazy.json.`
    : `"${name}" is a published program: take it as npm lays it out, with ${line} in "apps" of tskrazy.json.`;
}

function nearestPackage(directory: string): string | undefined {
  return ancestors(directory).find((each) => existsSync(join(each, 'package.json')));
}

/** What its authors call compatible. */
function rangeOf(version: string): string {
  const [major = '', minor = ''] = version.split('.');
  if (version.includes('-')) return version;
  return major === '0' ? `${major}.${minor}` : major;
}
