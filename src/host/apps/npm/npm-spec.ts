// What `npm` and `plugins` of an app hold: a package's name, and which of its versions.

import type { AppConfig } from '../../config/app-config.ts';

export type NpmApp = AppConfig & { npm: string };

export interface NpmSpec {
  name: string;
  /** As npm reads it: a range, a version or a tag. */
  range: string;
  /** The package, where it is a file of one's own. */
  tarball?: NpmTarball;
}

export interface NpmTarball {
  /** As in tskrazy.json. */
  text: string;
  path: string;
  /** Below the directory in which npm works. */
  place: string;
  integrity: string;
}

/** Of packages from a registry. The schema of tskrazy.json lets nothing else through but tarballs. */
export function parseNpmSpec(text: string): NpmSpec {
  const at = text.indexOf('@', 1);
  return at === -1 ? { name: text, range: 'latest' } : { name: text.slice(0, at), range: text.slice(at + 1) };
}

/** Whether tskrazy.lock.json pins its packages. */
export function isPublished(app: AppConfig): app is NpmApp {
  return app.npm !== undefined && !isDirectory(app.npm);
}

/** Of a project of one's own, which has a lock by itself; the schema lets through no other paths than those and tarballs. */
export function isDirectory(npm: string): boolean {
  return /^\.{1,2}(?:\/|$)/.test(npm) && !/\.(?:tgz|tar\.gz)$/.test(npm);
}

/** Names the tree in the lock: whoever asks for the same gets the same. */
export function lockKeyOf({ npm, plugins = [], overrides = {} }: NpmApp): string {
  const rules = Object.entries(overrides).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = rules.length === 0 ? [] : [JSON.stringify(Object.fromEntries(rules))];
  return [npm, ...plugins.toSorted(), ...text].join(' ');
}

/** The package of the program; of a tarball its name without the version that `npm pack` puts into it. */
export function programOfLockKey(key: string): string {
  const tarball = /^(\.{1,2}\/\S*?)(?:-\d+\.\d+\.\d+[^/\s]*)?\.(?:tgz|tar\.gz)(?: |$)/.exec(key)?.[1];
  return tarball ?? /^@?[^@ ]+/.exec(key)?.[0] ?? key;
}

/** Whether the app that the key is of asked for this package in these words. */
export function lockKeyNames(key: string, { name, range }: NpmSpec): boolean {
  const texts = [`${name}@${range}`, ...(range === 'latest' ? [name] : [])];
  return texts.some((text) => ` ${key} `.includes(` ${text} `));
}
