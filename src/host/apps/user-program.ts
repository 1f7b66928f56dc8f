// What Go and binary apps have in common: their executable lies in /user, and they get the environment that
// programs made for gokrazy expect (gokrazy-spec.md 20.c).

import type { RootFile } from '../build/root-tree.ts';

export function programEntry(appName: string, hostPath: string, sizeBytes: number): RootFile {
  return {
    kind: 'file',
    path: `/user/${appName}`,
    mode: 0o755,
    layer: `app:${appName}`,
    origin: `app ${appName}`,
    content: { kind: 'path', path: hostPath, sizeBytes },
  };
}

/** HOME comes from the app's data directory; GOKRAZY_FIRST_START from init, which alone knows. */
export function nativeEnvironment(): Record<string, string> {
  return { USER: 'root', PATH: '/user:/tsk/bin:/usr/local/bin:/bin' };
}
