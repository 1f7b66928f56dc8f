// `installOnDevice` of an npm app: its program finds an `npm` that installs into the data directory, and what is there beside
// what the image has. What it does on the device is in device-packages-script.ts.

import { posix } from 'node:path';
import { SERVICE_PATH } from '../../../shared/services/app-contract.ts';
import { NPM_DIRECTORY } from '../../../shared/services/device-packages.ts';
import type { RootEntry, RootFile } from '../../root-tree.ts';
import { appTextFile } from '../app-text-file.ts';
import { nodeEnvironment, nodeProgram } from '../packages/app-node.ts';
import { devicePackagesScript, devicePackagesStart } from './device-packages-script.ts';
import type { NpmApp } from './npm-spec.ts';

interface DevicePackagesOfApp {
  entries: RootFile[];
  /** What goes between Node.js with its options and the program: scripts that run before that. */
  before: string[];
  env: Record<string, string>;
}

/** `dataDirectory`: on the device. `modulesDirectory`: with the packages of the image. `scripts`: what else goes before the program. */
export function devicePackages(
  app: NpmApp,
  dataDirectory: string,
  modulesDirectory: string,
  scripts: readonly string[],
): DevicePackagesOfApp {
  const own = nodeEnvironment(app);
  if (app.installOnDevice !== true)
    return { entries: [], before: [], env: { ...own, NODE_PATH: modulesDirectory } };
  const directory = `/app/${app.name}/device`;
  const file = (name: string, text: string, mode?: number): RootFile =>
    appTextFile(app.name, `${directory}/${name}`, text, mode);
  const npm = `#!${nodeProgram(app)}\nrequire('../device-packages.cjs').npm(process.argv.slice(2));\n`;
  return {
    entries: [
      file('device-packages.cjs', devicePackagesScript(`${NPM_DIRECTORY}/bin/npm-cli.js`)),
      file('start.cjs', devicePackagesStart(scripts)),
      file('bin/npm', npm, 0o755),
    ],
    before: [`${directory}/start.cjs`],
    env: {
      PATH: `${directory}/bin:${own['PATH'] ?? SERVICE_PATH}`,
      // What the image has comes first: it goes with the program, and back with it.
      NODE_PATH: `${modulesDirectory}:${dataDirectory}/node_modules`,
    },
  };
}

/** A program may have npm among its packages, and run it by its path (Node-RED does): that one does as the one on PATH. */
export function withGuardedNpm(app: NpmApp, entries: readonly RootEntry[]): readonly RootEntry[] {
  if (app.installOnDevice !== true) return entries;
  return entries.map((entry) => {
    if (entry.kind !== 'file' || !entry.path.endsWith('/node_modules/npm/bin/npm-cli.js')) return entry;
    const script = posix.relative(posix.dirname(entry.path), `/app/${app.name}/device/device-packages.cjs`);
    const text = `#!/usr/bin/env node\nrequire('${script}').npm(process.argv.slice(2));\n`;
    return { ...entry, content: { kind: 'bytes', bytes: new TextEncoder().encode(text) } };
  });
}
