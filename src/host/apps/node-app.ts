// A node app: the entry point bundled into /app/NAME/main.cjs (or .mjs), and beside it, in node_modules, the
// packages that cannot be bundled because they have native add-ons.

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../user-error.ts';
import type { AppConfig } from './app-config.ts';
import type { AppContext, AppProgram } from './build-app.ts';
import type { RootEntry } from '../build/root-tree.ts';
import { bundle } from './bundle.ts';

export async function buildNodeApp(
  app: AppConfig & { node: string },
  context: AppContext,
  included: readonly RootEntry[],
): Promise<AppProgram> {
  const { instanceDirectory } = context;
  checkEntry(app, instanceDirectory);
  const bundled = await bundle({
    appName: app.name,
    instanceDirectory,
    entry: app.node,
    plugins: [],
    fallbackModules: undefined,
  });
  const path = `/app/${app.name}/${bundled.fileName}`;
  return {
    kind: 'node',
    argv: ['/bin/node', path],
    env: { NODE_ENV: 'production' },
    entries: [
      {
        kind: 'file',
        path,
        mode: 0o644,
        layer: `app:${app.name}`,
        origin: `app ${app.name}`,
        content: { kind: 'bytes', bytes: new TextEncoder().encode(bundled.code) },
      },
    ],
    inputs: bundled.inputs,
    sourceMaps: new Map([[path, bundled.sourceMap]]),
    warnings: bundled.warnings,
  };
}

function checkEntry({ name, node }: { name: string; node: string }, instanceDirectory: string): void {
  const path = resolve(instanceDirectory, node);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile()) return;
  const problem = stats ? `"${path}" is not a file` : `there is no file "${path}"`;
  throw new UserError(`Cannot bundle app "${name}": ${problem}`, {
    hint: `Set apps.${name}.node in tskrazy.json to the app's entry point.`,
  });
}
