// An app's data directory belongs to the app's user with all that is in it, also what another user left there:
// the app as root, or as it was on gokrazy. The app has no process while this runs, so nothing changes under it.

import { chmod, chown, lchown, lstat, mkdir, opendir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** `uid` is the group's number too. */
export async function makeDataDirectory(path: string, uid: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
  if ((await lstat(path)).uid === uid) return;
  if ((await realpath(path)) !== path)
    throw new Error(`Cannot keep data in "${path}": it is reached by a link`);
  // Another app that names it in its sandbox may have come first, and had it made for all.
  await chmod(path, 0o700);
  await giveTree(path, uid);
}

/** The directory itself comes last: it tells whether all is done, also after a power cut. Links are not followed. */
async function giveTree(directory: string, uid: number): Promise<void> {
  for await (const entry of await opendir(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await giveTree(path, uid);
    else await lchown(path, uid, uid);
  }
  await chown(directory, uid, uid);
}
