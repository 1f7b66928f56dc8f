// `tskrazy/app` in an app's program: always the SDK of this tsk, which knows what the init of the image speaks;
// also where the package is not installed beside the app, as in a fresh instance.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { packageRoot } from '../../package-root.ts';

const NAMESPACE = 'tskrazy';

export const sdkPlugin: Plugin = {
  name: 'tskrazy-sdk',
  setup(build) {
    // In a namespace: the bundle names its modules, and where tsk is installed is not its business.
    build.onResolve({ filter: /^tskrazy\/app$/ }, () => ({ path: 'app', namespace: NAMESPACE }));
    build.onLoad({ filter: /^app$/, namespace: NAMESPACE }, async () => {
      const { directory, isCheckout } = packageRoot();
      return isCheckout
        ? { contents: await readFile(join(directory, 'src/app/index.ts'), 'utf8'), loader: 'ts' }
        : { contents: await readFile(join(directory, 'dist/app/index.js'), 'utf8'), loader: 'js' };
    });
  },
};
