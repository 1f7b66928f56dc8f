// An app's data directory belongs to the app's user with all that is in it, also what another user left there:
// the app as root, or as it was on gokrazy. The app has no process while this runs, but one with which it shares the
// directory may: so each directory is held on to, and what is in it is named from there (proc_pid_fd(5)). What has become
// a link meanwhile is a link that changes its owner, and leads nowhere.

import { constants } from 'node:fs';
import { chmod, type FileHandle, lchown, lstat, mkdir, open, readdir, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Each level is an open file of init's. */
const MAX_DEPTH = 500;

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
async function giveTree(path: string, uid: number, depth = 0): Promise<void> {
  if (depth > MAX_DEPTH)
    throw new Error(`Cannot give the data of the app to its user: directories are ${MAX_DEPTH} deep`);
  let directory: FileHandle;
  try {
    directory = await open(path, DIRECTORY);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ELOOP', 'ENOTDIR'].includes(code)) throw error;
    await lchown(path, uid, uid);
    return;
  }
  try {
    const place = `/proc/self/fd/${directory.fd}`;
    for (const entry of await readdir(place, { withFileTypes: true })) {
      const inside = `${place}/${entry.name}`;
      if (entry.isDirectory()) await giveTree(inside, uid, depth + 1);
      else await lchown(inside, uid, uid);
    }
    await directory.chown(uid, uid);
  } finally {
    await directory.close();
  }
}
