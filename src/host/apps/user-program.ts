// Go and binary apps: their executable lies in /user, which is on the PATH, as programs made for gokrazy expect
// (gokrazy-spec.md 20.c). The environment of 20.c is what init gives to every service.

import type { RootFile } from '../root-tree.ts';

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
