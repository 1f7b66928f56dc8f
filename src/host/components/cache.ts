// The cache of components, shared by all instances and builds of a user. Everything in it can be fetched again.
//
//   blobs/<digest>             archives as downloaded, under the hash by which the lock pins them
//   trees/<component>-<key>/   extracted components (component-tree.ts); the key is a hash of the lock entry
//   locks/ temporary/ apt/     who works on what, work in progress, apt's private state
//
// What is complete gets its final name by one rename, so a reader never sees half of it and needs no lock.

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../files/make-directory.ts';
import { pathExists } from '../files/path-exists.ts';
import { withFileLock } from './file-lock.ts';

export class ComponentCache {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  treePath(name: string, key: string): string {
    return join(this.directory, 'trees', `${name}-${key}`);
  }

  /** Path where the archive with this digest is, or would be. */
  blobPath(digest: string): string {
    return join(this.directory, 'blobs', fileNameOf(digest));
  }

  /** A directory that stays between builds, for a tool that keeps its own state. */
  async stateDirectory(...names: string[]): Promise<string> {
    const path = join(this.directory, ...names);
    await makeDirectory(path);
    return path;
  }

  /**
   * The archive with this digest: from the cache if `isIntact` says so, else made by `fetch`, which writes it to
   * the path that it gets or throws. Partial downloads keep their name between tries, so that they can be resumed.
   */
  async blob(
    digest: string,
    isIntact: (path: string) => Promise<boolean>,
    fetch: (path: string) => Promise<void>,
  ): Promise<string> {
    const path = this.blobPath(digest);
    if ((await pathExists(path)) && (await isIntact(path))) return path;
    return this.withLock(`blob-${fileNameOf(digest)}`, async () => {
      // Another process may have fetched it while this one waited.
      if ((await pathExists(path)) && (await isIntact(path))) return path;
      await makeDirectory(join(this.directory, 'blobs'));
      const incoming = `${path}.incoming`;
      try {
        await fetch(incoming);
        await rename(incoming, path);
      } finally {
        await rm(incoming, { force: true });
      }
      return path;
    });
  }

  /** Runs `action` as the only one, in all processes, that works on `name`. */
  async withLock<T>(name: string, action: () => Promise<T>, onWait?: () => void): Promise<T> {
    const locks = await this.stateDirectory('locks');
    return withFileLock(join(locks, fileNameOf(name)), action, onWait ? { onWait } : {});
  }

  /**
   * Runs `action` with a directory of its own, which is gone afterwards. To be called while holding the lock
   * `name`: what a killed process left under that name is removed first.
   */
  async withTemporary<T>(name: string, action: (directory: string) => Promise<T>): Promise<T> {
    const parent = await this.stateDirectory('temporary');
    const prefix = `${fileNameOf(name)}.`;
    for (const left of await readdir(parent)) {
      if (left.startsWith(prefix)) await rm(join(parent, left), { recursive: true, force: true });
    }
    const directory = await mkdtemp(join(parent, prefix));
    try {
      return await action(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

/** A digest or name as a file name: base64 has slashes, and some file systems ignore case. */
function fileNameOf(name: string): string {
  if (/^[a-z0-9.-]+$/.test(name)) return name;
  const [kind = ''] = name.split(/[^a-z0-9]/, 1);
  return `${kind}-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
}
