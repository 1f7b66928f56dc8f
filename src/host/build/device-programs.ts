// The programs of ours that run on the device, each bundled into one CommonJS file. CommonJS, because an
// ES module that imports node:http loads undici and costs 16 MB of memory per process (nodejs/node#59686);
// not minified, so that a stack trace from a device can be read.

import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';
import {
  DEVICE_PROGRAMS,
  type DeviceProgram,
  type DeviceProgramName,
} from '../../shared/services/device-programs.ts';
import { packageRoot } from '../package-root.ts';
import { LAZY_BUILTINS_CODE } from './lazy-builtins.ts';
import { webUiPlugin } from './web-ui-bundle.ts';

export interface BundledProgram {
  name: DeviceProgramName;
  /** Where it lies on the device. */
  path: string;
  code: Uint8Array;
  sourceMap: Uint8Array;
}

/** The kernel starts init by this line; one argument is all that it passes on (execve(2), "Interpreter scripts"). */
const SHEBANG = '#!/bin/node --disable-warning=ExperimentalWarning';

/** Bundles them from the sources of a checkout; takes the finished bundles of an installed package. */
export async function loadDevicePrograms(): Promise<BundledProgram[]> {
  const root = packageRoot();
  return Promise.all(
    DEVICE_PROGRAMS.map(async (program) => {
      const { name, path } = program;
      const files = root.isCheckout
        ? await bundleDeviceProgram(program)
        : {
            code: await readFile(`${root.directory}/dist/device/${name}.cjs`),
            sourceMap: await readFile(`${root.directory}/dist/device/${name}.cjs.map`),
          };
      return { name, path, ...files };
    }),
  );
}

export async function bundleDeviceProgram({
  name,
  servesPage,
}: DeviceProgram): Promise<{ code: Uint8Array; sourceMap: Uint8Array }> {
  const root = packageRoot();
  const result = await build({
    absWorkingDir: root.directory,
    entryPoints: [`src/device/${name}/main.ts`],
    outfile: `${name}.cjs`,
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    sourcemap: 'external',
    sourcesContent: false,
    banner: { js: `${SHEBANG}\n${LAZY_BUILTINS_CODE}` },
    plugins: servesPage ? [webUiPlugin()] : [],
    logLevel: 'silent',
  });
  const code = result.outputFiles.find((file) => file.path.endsWith('.cjs'));
  const sourceMap = result.outputFiles.find((file) => file.path.endsWith('.map'));
  if (!code || !sourceMap) throw new Error(`Cannot bundle device program "${name}": esbuild gave no output`);
  return { code: code.contents, sourceMap: sourceMap.contents };
}
