// `tskrazy/app` and `tskrazy/app/gpio` in an app's program: always the SDK of this tsk, which knows what the init of the image
// speaks; also where the package is not installed beside the app, as in a fresh instance.

import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Plugin } from 'esbuild';
import { packageRoot } from '../../package-root.ts';

/** The bundle names its modules by it, and where tsk is installed is not its business. */
const NAMESPACE = 'tskrazy';

export const sdkPlugin: Plugin = {
  name: 'tskrazy-sdk',
  setup(build) {
    const { directory, isCheckout } = packageRoot();
    const source = isCheckout ? 'src' : 'dist';
    const loader = isCheckout ? 'ts' : 'js';
    build.onResolve({ filter: /^tskrazy\/app(?:\/gpio)?$/ }, ({ path }) => ({
      path: `${path.slice('tskrazy/'.length)}/index.${loader}`,
      namespace: NAMESPACE,
    }));
    // Modules of the SDK name each other; what they take of Node.js stays outside.
    build.onResolve({ filter: /^\./, namespace: NAMESPACE }, ({ path, importer }) => ({
      path: posix.join(posix.dirname(importer), path),
      namespace: NAMESPACE,
    }));
    build.onLoad({ filter: /./, namespace: NAMESPACE }, async ({ path }) => ({
      contents: await readFile(join(directory, source, path), 'utf8'),
      loader,
    }));
  },
};
