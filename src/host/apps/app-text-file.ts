// A text that the build itself puts into an app: a bundle, a script that goes before the program.

import type { RootFile } from '../root-tree.ts';

/** `path`: on the device. */
export function appTextFile(appName: string, path: string, text: string, mode = 0o644): RootFile {
  return {
    kind: 'file',
    path,
    mode,
    layer: `app:${appName}`,
    origin: `app ${appName}`,
    content: { kind: 'bytes', bytes: new TextEncoder().encode(text) },
  };
}
