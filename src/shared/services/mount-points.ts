// Directories of a root image that are empty in it: what is to be seen there is the device's, whichever image its
// programs come from.

export const MOUNT_POINTS = ['/boot', '/dev', '/mnt', '/perm', '/proc', '/run', '/sys', '/tmp'] as const;

/** Whether `path` (absolute, normalised) is one of them or lies below one. */
export function isOnMountPoint(path: string): boolean {
  return MOUNT_POINTS.some((directory) => path === directory || path.startsWith(`${directory}/`));
}
