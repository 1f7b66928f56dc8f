// Directories beside an app's code that it may write to: `writable` in tskrazy.json. What is in them lies in /perm, in a
// directory that only root can reach by its name: an app that could put a link there would have something else mounted.

/** The longest name that ext4 takes, in bytes. */
const MAX_NAME_BYTES = 255;

const WRITABLE_PATH = /^(?:(?!\.{1,2}(?:\/|$))[^/\\\0]+(?:\/(?!$)|$))+$/;

/** Whether `path` names a directory below the app's own: relative, normalised, and not too long for one name. */
export function isWritablePath(path: string): boolean {
  return WRITABLE_PATH.test(path) && path.isWellFormed() && nameOf(path).length <= MAX_NAME_BYTES;
}

/** Where in /perm it lies. One name for all of the path, so that nothing on the way is ever an app's. */
export function writableDirectory(appName: string, path: string): string {
  return `/perm/tskrazy/writable/${appName}/${nameOf(path)}`;
}

/** One that lies in another, where there is one. */
export function nestedWritable(paths: readonly string[]): string | undefined {
  return paths.find((path, index) =>
    paths.some((other, at) => at !== index && `${path}/`.startsWith(`${other}/`)),
  );
}

function nameOf(path: string): string {
  return encodeURIComponent(path);
}
